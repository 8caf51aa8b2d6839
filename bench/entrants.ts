import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Entrant } from './bout.js'
import type { FitProblem } from './problem.js'
import { iterationWork } from './work.js'

const NODE = process.execPath
/** Paths are relative to the repository's root, where every command runs. */
const contestant = (name: string) => [NODE, path.join('bench', 'contestants', `${name}.mjs`)]
/** Contestants that are bundled with the sources of the package. */
const insider = (name: string) => [NODE, path.join('build', 'scripts', 'bench', 'contestants', `${name}.mjs`)]
const peer = (name: string) => [NODE, path.join('bench', 'peers', `${name}.mjs`)]

/** The program that `npm run bench` compiles from bench/roofline. */
export const ROOFLINE = path.join('build', 'bench', 'roofline')
/** Every instruction set that the roofline program may know, narrowest first. */
export const ISAS = ['baseline', 'neon', 'avx2', 'avx512'] as const

/** Node before 22 has relaxed SIMD behind a flag, which later ones do not know. */
const RELAXED_FLAGS = Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-wasm-relaxed-simd'] : []

/** What every contestant of a fit is told at its `start`. */
export function fitWords(problem: FitProblem): Readonly<Record<string, string | number>> {
  const { rows, rank, columns, rule, loss = 'frobenius' } = problem
  return { solver: rule, loss, rows, rank, columns }
}

export interface OursOptions {
  readonly backend: 'native' | 'wasm' | 'cuda'
  readonly threads: number
  /** Forces an instruction set of the native backend. */
  readonly isa?: string
  /** WASM with relaxed SIMD. */
  readonly relaxed?: boolean
  readonly units?: number
  readonly under?: Entrant['under']
  /** Processes that keep a core busy each while it runs. */
  readonly busy?: number
}

/** nonneg on one fit. */
export function ours(problem: FitProblem, options: OursOptions): Entrant {
  const { backend, threads, isa, relaxed, units, under, busy = 0 } = options
  const [node, program] = contestant('fit')
  return {
    backend,
    variant: busy > 0 ? `beside ${busy} busy processes` : '',
    threads,
    dtype: problem.dtype,
    command: [node, ...(relaxed ? RELAXED_FLAGS : []), program],
    environment: { ...(isa ? { NONNEG_ISA: isa } : {}), ...(relaxed ? { NONNEG_WASM: 'relaxed' } : {}) },
    start: { ...fitWords(problem), backend, busy },
    units,
    under,
    work: iterationWork(problem),
  }
}

/** The Python that NONNEG_BENCH_PYTHON names, else the system's, whose packages the system manages. */
export const PYTHON: string =
  process.env.NONNEG_BENCH_PYTHON || (['/usr/bin/python3', '/usr/local/bin/python3'].find(existsSync) ?? 'python3')
/** What makes scikit-learn present. */
export const GET_SCIKIT_LEARN =
  'sudo apt install python3-sklearn libopenblas0-pthread, or NONNEG_BENCH_PYTHON=/path/to/python'

/** scikit-learn's solvers, iteration by iteration. */
export function scikitLearn(problem: FitProblem, threads: number, units: number): Entrant {
  return {
    backend: 'scikit-learn',
    variant: '',
    threads,
    dtype: problem.dtype,
    command: [PYTHON, path.join('bench', 'peers', 'scikit_learn.py')],
    start: fitWords(problem),
    units,
    work: iterationWork(problem),
    remedy: GET_SCIKIT_LEARN,
  }
}

interface PeerOptions {
  readonly threads?: number
  readonly units?: number
  readonly variant?: string
  /** More words for its `start`. */
  readonly words?: Readonly<Record<string, string>>
}

export type JavaScriptPeer = 'js-tile' | 'ml-matrix' | 'tfjs' | 'onnxruntime-web'

/** A peer of bench/peers that runs in Node. */
export function javaScriptPeer(
  name: JavaScriptPeer,
  problem: FitProblem,
  { threads = 1, units, variant = '', words = {} }: PeerOptions = {},
): Entrant {
  return {
    backend: name,
    variant,
    threads,
    dtype: name === 'ml-matrix' ? 'f64' : problem.dtype,
    command: peer(name),
    start: { ...fitWords(problem), ...words, dtype: problem.dtype },
    units,
    work: iterationWork(problem),
    remedy: 'npm ci --ignore-scripts in bench/peers',
  }
}

const roofline = { backend: 'roofline', dtype: 'f32', command: [ROOFLINE] } as const

/** Multiply-adds in registers. */
export function arithmeticRoof(isa: string, threads: number): Entrant {
  return { ...roofline, variant: `fma ${isa}`, threads, start: { op: 'fma', isa }, roof: 'arithmetic' }
}

/**
 * The same with a no-op after each multiply-add, as many instructions as a kernel has. Below the roof, it shows that
 * another guest of the host takes its share of the cores.
 */
export function issueRoof(isa: string, threads: number): Entrant {
  const start = { op: 'fma', isa, with: 'noops' }
  return { ...roofline, variant: `fma ${isa} with no-ops`, threads, start, roof: 'arithmetic' }
}

/** As many multiply-adds in the tile of a product, with its loads from the first two caches and nothing from beyond them. */
export function tileRoof(isa: string, threads: number): Entrant {
  const start = { op: 'fma', isa, with: 'loads' }
  return { ...roofline, variant: `fma ${isa} with loads`, threads, start, roof: 'arithmetic' }
}

export type MemoryProbe = 'read' | 'triad' | 'triad_stream'

/** Streams through arrays of so many bytes each. */
export function memoryRoof(op: MemoryProbe, bytes: number, threads: number): Entrant {
  const variant = `${op} ${Math.round(bytes / 2 ** 20)} MiB`
  return { ...roofline, variant, threads, start: { op, bytes }, roof: 'memory' }
}

/** One kernel by its spec; the contestant tells its flops and bytes. */
export function kernelEntrant(kernel: string, under: Entrant['under']): Entrant {
  return {
    backend: 'native',
    variant: '',
    threads: 1,
    dtype: 'f32',
    command: insider('kernel'),
    start: { kernel },
    under,
  }
}

/** A fresh process for every sample. */
export function freshStart(what: 'import' | 'first_fit', words: Readonly<Record<string, string | number>>): Entrant {
  const backend = String(words.backend ?? 'package')
  return {
    backend,
    variant: 'fresh process',
    threads: 1,
    dtype: 'f32',
    command: contestant('start'),
    start: { what, ...words },
    fresh: true,
  }
}

/** A step over flat parameters; the contestant tells its flops and bytes. */
export function vectorStep(kernel: string, length: number, backend: 'native' | 'wasm', threads: number): Entrant {
  return {
    backend,
    variant: '',
    threads,
    dtype: 'f32',
    command: insider('vectors'),
    start: { kernel, length, backend },
    under: 'memory',
  }
}
