import path from 'node:path'
import type { Entrant } from '../bout.js'
import { fitWords, ours } from '../entrants.js'
import type { FitProblem } from '../problem.js'
import { iterationWork } from '../work.js'

/** Not the system's, whose packages are those of the processor: PyTorch and CuPy come in an environment of their own. */
const PYTHON = process.env.NONNEG_BENCH_PYTHON || 'python3'
const script = (name: string) => [PYTHON, path.join('bench', 'peers', `${name}.py`)]

const REMEDY = { torch: 'pip install torch', cupy: 'pip install cupy-cuda13x, or the one of your CUDA' } as const

export type CudaPeer = keyof typeof REMEDY

/** nonneg's `factorize` on CUDA. */
export function cudaFit(problem: FitProblem, units: number): Entrant {
  return ours(problem, { backend: 'cuda', threads: 1, units, under: 'either' })
}

interface PeerOptions {
  readonly units: number
  readonly variant?: string
  /** More words for its `start`. */
  readonly words?: Readonly<Record<string, string>>
}

/** The same update in the operations of a Python library, on the GPU that is its first. */
export function cudaPeer(name: CudaPeer, problem: FitProblem, { units, variant = '', words }: PeerOptions): Entrant {
  return {
    backend: name,
    variant,
    threads: 1,
    dtype: problem.dtype,
    command: script(`${name}_cuda`),
    start: { ...fitWords(problem), ...words },
    units,
    work: iterationWork(problem),
    under: 'either',
    remedy: `${REMEDY[name]}; NONNEG_BENCH_PYTHON=/path/to/python`,
  }
}

const roof = { backend: 'roofline', threads: 1, dtype: 'f32', command: script('torch_roof') } as const

/** A product of two large matrices by cuBLAS, as PyTorch calls it. */
export function sgemmRoof(size: number): Entrant {
  const start = { op: 'sgemm', size }
  return { ...roof, variant: `cuBLAS sgemm ${size}³`, start, roof: 'arithmetic', remedy: REMEDY.torch }
}

/** A copy from one array of the device to another. */
export function copyRoof(bytes: number): Entrant {
  const variant = `copy ${Math.round(bytes / 2 ** 20)} MiB`
  return { ...roof, variant, start: { op: 'copy', bytes }, roof: 'memory', remedy: REMEDY.torch }
}
