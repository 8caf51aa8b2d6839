import { fitName } from './problem.js'
import type { Comparison, Line, Results, Row } from './schema.js'

type Measured = Pick<Results, 'rows' | 'comparisons'>

/** A goal: a number that the results hold, and a bound for it. */
interface Target {
  readonly id: string
  readonly what: string
  /** Exactly one of the two. */
  readonly least?: number
  readonly most?: number
  readonly value: (results: Measured) => number | undefined
  readonly show: (value: number) => string
}

const percent = (value: number) => `${(100 * value).toFixed(0)} %`
const times = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)}×`
const gflops = (value: number) => `${value.toFixed(1)} GFLOP/s`
const milliseconds = (value: number) => `${(1000 * value).toFixed(1)} ms`

const THREADS = 2

interface Wanted {
  readonly group: string
  readonly problem: string
  readonly backend: string
  readonly threads: number
}

const isWanted = (row: Row, { group, problem, backend, threads }: Wanted) =>
  row.group === group &&
  row.problem === problem &&
  row.backend === backend &&
  row.threads === threads &&
  !row.variant.includes('relaxed')

function share(wanted: Wanted): (results: Measured) => number | undefined {
  return ({ rows }) => rows.find(row => isWanted(row, wanted))?.roofline?.share
}

/** How often the first row of a problem is as fast as the fastest of a peer's. */
function ratio(problem: string, first: string, peer: RegExp): (results: Measured) => number | undefined {
  const fits = (one: Comparison) => one.problem === problem && one.row.startsWith(first) && peer.test(one.against)
  return ({ comparisons }) => {
    const found = comparisons.filter(fits).map(one => one.ratio)
    return found.length === 0 ? undefined : Math.min(...found)
  }
}

const mu = (rows: number, columns: number, rank: number) => fitName({ rule: 'mu', dtype: 'f32', rows, rank, columns })
const counts = { dtype: 'f32', rows: 2700, rank: 20, columns: 13714, nonzeros: 2_282_976 } as const
const denseKl = fitName({ rule: 'mu', dtype: 'f32', rows: 2000, rank: 20, columns: 1000, loss: 'kullback-leibler' })
const WASM = mu(2000, 1000, 32)

function nativeShare(what: string, problem: string, least: number): Target {
  const wanted = { group: 'native', problem, backend: 'native', threads: THREADS }
  return { id: `native ${problem}`, what, least, value: share(wanted), show: value => `${percent(value)} of FMA peak` }
}

function againstScikitLearn(what: string, problem: string, least: number): Target {
  const value = ratio(problem, 'native', /^scikit-learn/)
  return { id: `scikit-learn ${problem}`, what, least, value, show: times }
}

function wasmRatio(id: string, what: string, least: number, peer: RegExp, invert = false): Target {
  const found = ratio(WASM, 'wasm', peer)
  const value = (results: Measured) => {
    const answer = found(results)
    return answer !== undefined && invert ? 1 / answer : answer
  }
  return { id, what, least, value, show: times }
}

function startSeconds(id: string, what: string, problem: string, backend: string, most: number): Target {
  const value = ({ rows }: Measured) =>
    rows.find(row => isWanted(row, { group: 'start', problem, backend, threads: 1 }))?.median ?? undefined
  return { id, what, most, value, show: milliseconds }
}

function crowdedTimes(backend: string): Target {
  const value = ({ rows }: Measured) => {
    const isOne = (row: Row) => row.group === 'crowded' && row.backend === backend && row.median
    const [alone, beside] = [false, true].map(busy => rows.find(r => isOne(r) && r.variant.includes('busy') === busy))
    return alone?.median && beside?.median ? beside.median / alone.median : undefined
  }
  const what = `${backend}, MU Frobenius, 2000×1000, rank 32, 2 threads: time beside two busy processes, to that alone`
  // as many threads as others want the two cores
  return { id: `crowded ${backend}`, what, most: 2.2, value, show: times }
}

const FIRST_FIT = 'first_fit:f32:1797x10x64:iterations=50'
const HYPERGRADIENT = 'hypergradient_momentum:f32:64000000'

/** Every goal, in the order of the table. */
export const TARGETS: readonly Target[] = [
  nativeShare('native, MU Frobenius, 2000×1000, rank 16, 2 threads', mu(2000, 1000, 16), 0.8),
  nativeShare('native, MU Frobenius, 2000×1000, rank 64, 2 threads', mu(2000, 1000, 64), 0.8),
  nativeShare('native, MU Frobenius, 2000×1000, rank 128, 2 threads', mu(2000, 1000, 128), 0.8),
  nativeShare('native, MU Frobenius, 4096×4096, rank 64, 2 threads', mu(4096, 4096, 64), 0.7),
  nativeShare(
    'native, HALS, 2000×1000, rank 64, 2 threads',
    fitName({ rule: 'hals', dtype: 'f32', rows: 2000, rank: 64, columns: 1000 }),
    0.6,
  ),
  againstScikitLearn('native against scikit-learn, MU Frobenius, 2000×1000, rank 20', mu(2000, 1000, 20), 2),
  againstScikitLearn('native against scikit-learn, MU Frobenius, 2000×1000, rank 64', mu(2000, 1000, 64), 1.5),
  againstScikitLearn('native against scikit-learn, MU Frobenius, 20000×5000, rank 50', mu(20000, 5000, 50), 2.5),
  againstScikitLearn('native against scikit-learn, MU Kullback–Leibler, 2000×1000, rank 20', denseKl, 2.5),
  againstScikitLearn(
    'native against scikit-learn, MU Kullback–Leibler, CSR 2700×13714, 2.3 M non-zeros, rank 20',
    fitName({ rule: 'mu', loss: 'kullback-leibler', ...counts }),
    20,
  ),
  againstScikitLearn(
    'native HALS against scikit-learn CD, CSR 2700×13714, 2.3 M non-zeros, rank 20',
    fitName({ rule: 'hals', ...counts }),
    4,
  ),
  {
    id: 'wasm rate',
    what: 'wasm plain SIMD, MU Frobenius, 2000×1000, rank 32, 1 thread',
    least: 33,
    value: ({ rows }) =>
      rows.find(row => isWanted(row, { group: 'wasm', problem: WASM, backend: 'wasm', threads: 1 }))?.gflops ??
      undefined,
    show: gflops,
  },
  wasmRatio('wasm js-tile', 'wasm, 1 thread, against the best tiled JavaScript loop', 8, /^js-tile/),
  wasmRatio('wasm threads', 'wasm, 2 threads against 1', 1.8, /^wasm plain ×2$/, true),
  wasmRatio('wasm tfjs', 'wasm, 1 thread, against tfjs-backend-wasm, X held both ways round', 3, /^tfjs .*both ways/),
  {
    id: 'wasm tfjs threads',
    what: 'the same with all threads that each has in Node: wasm 2, tfjs 1',
    least: 3,
    value: ({ rows }) => {
      const [wasm, tfjs] = [
        rows.find(row => isWanted(row, { group: 'wasm', problem: WASM, backend: 'wasm', threads: THREADS })),
        rows.find(row => row.backend === 'tfjs' && row.variant.includes('both ways')),
      ]
      return wasm?.median && tfjs?.median ? tfjs.median / wasm.median : undefined
    },
    show: times,
  },
  {
    id: 'hypergradient',
    what: 'hypergradient step per parameter, 64 M parameters, native, 2 threads',
    least: 0.8,
    value: share({ group: 'vectors', problem: HYPERGRADIENT, backend: 'native', threads: THREADS }),
    show: value => `${percent(value)} of triad bandwidth`,
  },
  crowdedTimes('native'),
  crowdedTimes('wasm'),
  startSeconds('import', 'import of the package, fresh process', 'import', 'package', 0.04),
  startSeconds('first fit', 'first fit beyond import, 1797×64, rank 10, 50 iterations', FIRST_FIT, 'auto', 0.15),
  startSeconds('first fit wasm', 'the same on wasm', FIRST_FIT, 'wasm', 0.15),
]

/** The table of goals as these results fill it. */
export function linesOf(results: Measured): Line[] {
  return TARGETS.map(({ id, what, least, most, value, show }) => {
    const found = value(results)
    const bound = least ?? most!
    const target = `${least === undefined ? '<' : '≥'} ${show(bound)}`
    if (found === undefined) return { id, what, target, measured: 'not measured', status: 'not measured' }
    const reached = least === undefined ? found < bound : found >= bound
    return { id, what, target, measured: show(found), status: reached ? 'pass' : 'short' }
  })
}
