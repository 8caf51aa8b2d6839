import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { BackendId, DenseInput, MatrixInput } from '../../ts/node.js'

/** Where the files lie: what is committed, or what `npm run test:sklearn` has just derived. */
const folder = process.env.NONNEG_GOLDEN ?? path.join('test', 'golden')

/** The backends that have every solver, in each precision that they keep. */
export const WAYS: readonly (readonly [BackendId, 'f32' | 'f64'])[] = [
  ['reference', 'f64'],
  ['wasm', 'f32'],
  ['wasm', 'f64'],
  ['native', 'f32'],
  ['native', 'f64'],
]

type StoredMatrix =
  | { readonly data: readonly number[] }
  | { readonly indptr: readonly number[]; readonly indices: readonly number[]; readonly values: readonly number[] }

/** A matrix that derive.py drew, with the rank that it is to be factorised by. */
export interface GoldenProblem {
  readonly name: string
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly X: StoredMatrix
}

/** A fit by one of scikit-learn's solvers. */
export interface GoldenRun {
  readonly solver: 'mu' | 'hals'
  readonly beta: number
  readonly alphaW: number
  readonly alphaH: number
  readonly l1Ratio: number
  /** One for each of the file's `counts`. */
  readonly losses: readonly number[]
  /** For each, what entries that scikit-learn has cut off at the epsilon of float64 can have been worth. */
  readonly cuts: readonly number[]
  /** For each, by how much errors of about one rounding to float32 in each iteration changed scikit-learn's own loss. */
  readonly sways: readonly number[]
  /** The first iteration that has raised an entry which had sunk below 2⁻⁶³ above that again; null for none. */
  readonly returned: number | null
}

export interface Trajectories {
  readonly command: string
  /** After how many iterations the loss was taken, in ascending order. */
  readonly counts: readonly number[]
  readonly problems: readonly (GoldenProblem & {
    readonly W: readonly number[]
    readonly H: readonly number[]
    readonly runs: readonly GoldenRun[]
  })[]
}

export interface Nndsvd {
  readonly problems: readonly (GoldenProblem & {
    /** Of all entries of X: what `nndsvda` fills with. */
    readonly mean: number
    readonly starts: Readonly<
      Record<'nndsvd' | 'nndsvda', { readonly W: readonly number[]; readonly H: readonly number[] }>
    >
  })[]
}

/** What derive.py wrote. */
export function golden(name: 'trajectories'): Trajectories
export function golden(name: 'nndsvd'): Nndsvd
export function golden(name: string): unknown {
  return JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8'))
}

export function matrixOf({ rows, columns, X }: GoldenProblem): MatrixInput {
  if ('data' in X) return dense(X.data, rows, columns)
  return { ...X, values: Float64Array.from(X.values), rows, columns }
}

export function dense(data: readonly number[], rows: number, columns: number): DenseInput {
  return { data: Float64Array.from(data), rows, columns }
}
