import { kernels } from '../ts/kernels/index.js'
import { problemString } from '../ts/kernels/spec.js'
import type { Bout, Entrant } from './bout.js'
import { cudaBouts } from './cuda/group.js'
import { CUDA_GROUP } from './cuda/plan.js'
import type { DataFolder } from './data.js'
import {
  arithmeticRoof,
  freshStart,
  ISAS,
  issueRoof,
  javaScriptPeer,
  kernelEntrant,
  memoryRoof,
  ours,
  scikitLearn,
  tileRoof,
  vectorStep,
} from './entrants.js'
import { gpuBouts, raceBouts, tileBouts } from './gpu/group.js'
import { GPU_GROUP, GPU_GROUPS, type GpuScale, RACE_GROUP, TILE_GROUP } from './gpu/plan.js'
import { type FitProblem, fitName, problemName } from './problem.js'

/** What the groups are made for. */
export interface Setting {
  readonly data: DataFolder
  /** The most threads that rows use. */
  readonly threads: number
  /** The widest instruction set of this machine. */
  readonly widest: string
  /** Small problems only, for a first look. */
  readonly quick: boolean
  /** How large problems of WebGPU and of CUDA are. */
  readonly gpuScale: GpuScale
  readonly cudaScale: GpuScale
}

const MIB = 2 ** 20
/** Beyond every cache, small enough to be done often. */
const MEMORY_BYTES = 256 * MIB

const dense = (rows: number, columns: number, rank: number, more: Partial<FitProblem> = {}): FitProblem => {
  return { rule: 'mu', dtype: 'f32', rows, rank, columns, ...more }
}
/** Single cells by genes in size and density. */
const counts = (more: Partial<FitProblem>): FitProblem => dense(2700, 13714, 20, { nonzeros: 2_282_976, ...more })

function fitBout(group: string, { data }: Setting, problem: FitProblem, entrants: Entrant[], rounds?: number): Bout {
  return { group, problem: fitName(problem), unit: 'iteration', rounds, prepare: () => data.files(problem), entrants }
}

/** What the machine can do: every instruction set, and memory, on one thread and on all. */
function roofline({ threads, quick }: Setting): Bout[] {
  const counts = threads > 1 ? [1, threads] : [1]
  const arithmetic = ISAS.flatMap(isa => counts.map(count => arithmeticRoof(isa, count)))
  const probes = ['read', 'triad', 'triad_stream'] as const
  const sizes = quick ? [MEMORY_BYTES] : [MIB, 8 * MIB, MEMORY_BYTES]
  const memory = sizes.flatMap(bytes => probes.flatMap(op => counts.map(count => memoryRoof(op, bytes, count))))
  return [
    { group: 'roofline', problem: problemName('fma', 'f32', []), unit: 'pass', entrants: arithmetic },
    { group: 'roofline', problem: problemName('stream', 'f32', []), unit: 'pass', entrants: memory },
  ]
}

/** Whole iterations of the native backend under the arithmetic roof of the same rounds. */
function native(setting: Setting): Bout[] {
  const { threads, widest, quick } = setting
  const bout = (problem: FitProblem, rounds?: number) => {
    const counts = threads > 1 ? [threads, 1] : [1]
    const entrants = [
      ...counts.map(count => ours(problem, { backend: 'native', threads: count, under: 'arithmetic' })),
      ...counts.map(count => arithmeticRoof(widest, count)),
      issueRoof(widest, threads),
      ...counts.map(count => tileRoof(widest, count)),
    ]
    return fitBout('native', setting, problem, entrants, rounds)
  }
  const isas = (problem: FitProblem) => {
    const known = ISAS.filter(isa => isa !== widest)
    const entrants = [widest, ...known].map(isa => ours(problem, { backend: 'native', threads, isa }))
    return { ...fitBout('native', setting, problem, entrants), group: 'isa' }
  }
  const usual = [dense(2000, 1000, 16), dense(2000, 1000, 64), dense(2000, 1000, 128)]
  const large = [dense(4096, 4096, 64)]
  const others: FitProblem[] = [
    dense(2000, 1000, 64, { rule: 'hals' }),
    dense(2000, 1000, 64, { rule: 'pg' }),
    dense(2000, 1000, 20, { loss: 'kullback-leibler' }),
    dense(2000, 1000, 20, { loss: 'itakura-saito' }),
    counts({}),
    counts({ rule: 'hals' }),
    counts({ loss: 'kullback-leibler' }),
  ]
  const small = [...usual, ...others.slice(0, 1)].map(problem => bout(problem))
  if (quick) return small
  return [...usual, ...large, ...others].map(problem => bout(problem)).concat(isas(dense(2000, 1000, 64)))
}

/** nonneg and scikit-learn from the same start, as many iterations, float32. */
function peers(setting: Setting): Bout[] {
  const { threads, quick } = setting
  const bout = (problem: FitProblem, units: number, rounds?: number) => {
    const entrants = [ours(problem, { backend: 'native', threads, units }), scikitLearn(problem, threads, units)]
    return fitBout('scikit-learn', setting, problem, entrants, rounds)
  }
  const small = [
    bout(dense(2000, 1000, 20), 60),
    bout(dense(2000, 1000, 64), 40),
    bout(dense(2000, 1000, 20, { loss: 'kullback-leibler' }), 6, 7),
  ]
  if (quick) return small
  return [
    ...small,
    bout(dense(20000, 5000, 50), 4, 5),
    bout(counts({ loss: 'kullback-leibler' }), 3, 7),
    bout(counts({ rule: 'hals' }), 6, 7),
    bout(dense(2000, 1000, 64, { rule: 'hals' }), 10, 7),
  ]
}

/** WebAssembly against everything else that runs in JavaScript, on one problem. */
function wasm(setting: Setting): Bout[] {
  const { threads, quick } = setting
  const problem = dense(2000, 1000, 32)
  const units = quick ? 4 : 10
  const entrants: Entrant[] = [
    ours(problem, { backend: 'wasm', threads: 1, units: 20, under: 'arithmetic' }),
    ...(threads > 1 ? [ours(problem, { backend: 'wasm', threads, units: 40 })] : []),
    ours(problem, { backend: 'wasm', threads: 1, units: 20, relaxed: true }),
    javaScriptPeer('js-tile', problem, { units: 2, variant: '4x4 f64 sums', words: { tile: '4x4' } }),
    javaScriptPeer('js-tile', problem, { units: 2, variant: '4x2 fround', words: { tile: '4x2' } }),
    javaScriptPeer('tfjs', problem, { units, variant: 'both ways round' }),
    javaScriptPeer('tfjs', problem, { units: 2, variant: 'transposed products', words: { products: 'transposed' } }),
    javaScriptPeer('ml-matrix', problem, { units: 1 }),
    javaScriptPeer('onnxruntime-web', problem, { units }),
    ...(threads > 1 ? [javaScriptPeer('onnxruntime-web', problem, { units, threads })] : []),
    // WebAssembly has no fused multiply-add without relaxed SIMD, and 128 bits
    arithmeticRoof('baseline', 1),
  ]
  return [{ ...fitBout('wasm', setting, problem, entrants), warmUpSeconds: 2 }]
}

/** Steps over flat parameters, beyond every cache, under the memory roof of the same rounds. */
function vectors({ threads, quick }: Setting): Bout[] {
  const steps = ['hypergradient_momentum', 'hypergradient_adam', 'momentum_step', 'adam_step', 'gradient_products']
  const length = quick ? 8_000_000 : 64_000_000
  return steps.slice(0, quick ? 1 : undefined).map(kernel => ({
    group: 'vectors',
    problem: problemName(kernel, 'f32', [length]),
    unit: 'step' as const,
    rounds: 7,
    entrants: [
      vectorStep(kernel, length, 'native', threads),
      vectorStep(kernel, length, 'wasm', threads),
      memoryRoof('triad', 4 * length, threads),
      memoryRoof('triad_stream', 4 * length, threads),
    ],
  }))
}

/** Fits on all threads, alone and beside as many processes that want a core each: half of the cores is a fair share. */
function crowded(setting: Setting): Bout[] {
  const { threads } = setting
  const problem = dense(2000, 1000, 32)
  const entrants = (['native', 'wasm'] as const).flatMap(backend =>
    [0, threads].map(busy => ours(problem, { backend, threads, units: 100, busy })),
  )
  return [{ ...fitBout('crowded', setting, problem, entrants), warmUpSeconds: 2 }]
}

/** What a process pays before it has its first result. */
function start({ quick }: Setting): Bout[] {
  const sizes = { rows: 1797, rank: 10, columns: 64, iterations: 50 }
  const rounds = quick ? 3 : 25
  const fit = (backend: string) => freshStart('first_fit', { ...sizes, backend })
  return [
    { group: 'start', problem: 'import', unit: 'process', rounds, entrants: [freshStart('import', {})] },
    {
      group: 'start',
      problem: problemName('first_fit', 'f32', [sizes.rows, sizes.rank, sizes.columns], { iterations: 50 }),
      unit: 'process',
      rounds,
      entrants: ['auto', 'native', 'wasm'].map(fit),
    },
  ]
}

/** Each kernel by itself, on the size that its spec names: flat arrays under the roof of memory of that size. */
function kernelGroup({ widest, quick }: Setting): Bout[] {
  return kernels.slice(0, quick ? 6 : undefined).map(spec => {
    const { length } = spec.benchmark
    const roofs = length
      ? [memoryRoof('triad', 4 * length, 1), memoryRoof('triad_stream', 4 * length, 1)]
      : [arithmeticRoof(widest, 1)]
    // what a fill draws, such as the number of non-zeros, is not among the sizes of a spec
    const dims = spec.dims.filter(name => spec.benchmark[name] !== undefined)
    return {
      group: 'kernels',
      problem: problemString({ ...spec, dims }, spec.benchmark),
      unit: 'call' as const,
      rounds: 7,
      entrants: [kernelEntrant(spec.name, length ? 'memory' : 'arithmetic'), ...roofs],
    }
  })
}

export const GROUPS: Readonly<Record<string, (setting: Setting) => Bout[]>> = {
  roofline,
  native,
  'scikit-learn': peers,
  wasm,
  vectors,
  crowded,
  start,
  kernels: kernelGroup,
  [GPU_GROUP]: ({ data, gpuScale }) => gpuBouts(data, gpuScale),
  [RACE_GROUP]: ({ data, gpuScale }) => raceBouts(data, gpuScale),
  [TILE_GROUP]: ({ data, gpuScale }) => tileBouts(data, gpuScale),
  [CUDA_GROUP]: ({ data, cudaScale }) => cudaBouts(data, cudaScale),
}

/** Those of a run that names none: not every machine has a GPU. */
export const USUAL_GROUPS: readonly string[] = Object.keys(GROUPS).filter(
  name => !GPU_GROUPS.includes(name) && name !== CUDA_GROUP,
)
