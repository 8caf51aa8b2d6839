import path from 'node:path'
import { SOLVER_NAMES } from '../../ts/nmf/solvers.js'
import type { Entrant } from '../bout.js'
import { GET_SCIKIT_LEARN, PYTHON } from '../entrants.js'
import type { Case } from './cases.js'
import type { DataSet } from './data.js'

/** Contestants that hold the package's user-facing half, bundled by `npm run bench:objective`. */
const FIT = [process.execPath, path.join('build', 'scripts', 'bench', 'objective', 'fit.mjs')]
const WHOLE_FIT = [PYTHON, path.join('bench', 'objective', 'whole_fit.py')]

/** What every contestant of a case is told. */
export function caseWords(one: Case, data: DataSet): Readonly<Record<string, string | number>> {
  return { ...data.words, rows: data.rows, columns: data.columns, rank: one.rank, loss: one.loss }
}

/** `auto`, and every solver that `factorize` takes by name. */
export const OWN_SOLVERS: readonly string[] = ['auto', ...SOLVER_NAMES]

/** How variants end that `auto` has settled on. */
export const BY_AUTO = 'by auto'
/** The variant of a fit in a process that did nothing before. */
export const COLD = 'auto, first fit of a process'

type Words = Readonly<Record<string, string | number>>

/** nonneg on its way to the objective; without threads of its own it takes what the machine has. */
export function ours(solver: string, threads: number, words: Words): Entrant {
  return {
    backend: 'nonneg',
    variant: solver === 'auto' ? BY_AUTO : solver,
    threads,
    dtype: 'f32',
    command: FIT,
    environment: { NONNEG_THREADS: String(threads) },
    start: { ...words, solver },
    units: 1,
  }
}

/** The same with a process for every sample, in which nothing was fitted before. */
export function oursCold(threads: number, words: Words): Entrant {
  return { ...ours('auto', threads, { ...words, cold: 1 }), variant: COLD, fresh: true }
}

/** scikit-learn until it stops by its own tolerance. */
export function scikitLearn(dtype: 'f32' | 'f64', threads: number, words: Words): Entrant {
  return {
    backend: 'scikit-learn',
    variant: dtype,
    threads,
    dtype,
    command: WHOLE_FIT,
    start: words,
    units: 1,
    remedy: GET_SCIKIT_LEARN,
  }
}
