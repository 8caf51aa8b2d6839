import { SHAPES_OF, type ShapedKernel, type ShapeName } from '../../ts/backends/webgpu/shapes.js'
import { type FitProblem, fitName, problemName } from '../problem.js'

/** The groups of rows. */
export const GPU_GROUP = 'webgpu'
export const RACE_GROUP = 'webgpu-race'
export const TILE_GROUP = 'webgpu-tiles'
/** What `--backends webgpu` stands for. */
export const GPU_GROUPS: readonly string[] = [GPU_GROUP, RACE_GROUP, TILE_GROUP]

/** Single kernels, and a fit that dispatches them. */
export interface KernelPlan {
  readonly kernels: readonly string[]
  readonly problem: FitProblem
}

/** Products that are timed with each of their shapes (see ts/backends/webgpu/shapes.ts). */
export interface TilePlan {
  readonly kernels: readonly ShapedKernel[]
  readonly problem: FitProblem
}

/** What is timed on a GPU: the command line and the page in the browser go by the same list. */
export interface GpuPlan {
  /** Whole iterations. */
  readonly fits: readonly FitProblem[]
  /** Those that the naive shaders, and where they are installed others, do as well, with as many iterations. */
  readonly races: readonly { readonly problem: FitProblem; readonly units: number }[]
  readonly kernels: readonly KernelPlan[]
  readonly tiles: readonly TilePlan[]
  readonly steps: readonly { readonly kernel: string; readonly length: number }[]
  /** Iterations of a fit that is timed with its way to the GPU and back. */
  readonly transferred: number
}

/**
 * How large: for a GPU, for a first look at one, for a driver on the CPU, where all that counts is that it runs, and for a
 * test of that.
 */
export const GPU_SCALES = ['full', 'quick', 'emulated', 'tiny'] as const
export type GpuScale = (typeof GPU_SCALES)[number]

const SHAPED = Object.keys(SHAPES_OF) as ShapedKernel[]
const HYPERGRADIENT = 'hypergradient_momentum'

function problems(rows: number, rank: number, columns: number, nonzeros: number) {
  const dense: FitProblem = { rule: 'mu', dtype: 'f32', rows, rank, columns }
  const sparse: FitProblem = { ...dense, nonzeros }
  return {
    dense,
    sparse,
    kl: { ...dense, loss: 'kullback-leibler' },
    sparseKl: { ...sparse, loss: 'kullback-leibler' },
  } as const
}

function kernelPlans({ dense, sparse, kl, sparseKl }: ReturnType<typeof problems>): KernelPlan[] {
  return [
    { problem: dense, kernels: ['xht_dense', 'xtw_dense', 'gram', 'mu_update', 'dot'] },
    { problem: { ...dense, rule: 'hals' }, kernels: ['hals_update'] },
    { problem: { ...dense, rule: 'pg' }, kernels: ['pg_step'] },
    { problem: sparse, kernels: ['xht_csr'] },
    { problem: kl, kernels: ['wh_dense', 'beta_terms', 'mu_ratio'] },
    { problem: sparseKl, kernels: ['beta_xht_csr'] },
  ]
}

function rulesOf({ dense, sparse, kl, sparseKl }: ReturnType<typeof problems>): FitProblem[] {
  return [
    dense,
    { ...dense, rule: 'hals' },
    { ...dense, rule: 'pg' },
    kl,
    sparse,
    { ...sparse, rule: 'hals' },
    { ...sparse, rule: 'pg' },
    sparseKl,
  ]
}

export function gpuPlan(scale: GpuScale): GpuPlan {
  if (scale === 'tiny') {
    const { dense } = problems(48, 4, 40, 0)
    const kernels = [{ problem: dense, kernels: ['xht_dense', 'mu_update'] }]
    const tiles: TilePlan[] = [{ problem: dense, kernels: ['gram'] }]
    const steps = [{ kernel: HYPERGRADIENT, length: 4096 }]
    return { fits: [dense], races: [], kernels, tiles, steps, transferred: 4 }
  }
  if (scale === 'emulated') {
    const small = problems(256, 16, 256, 6000)
    const races = [
      { problem: small.dense, units: 12 },
      { problem: problems(512, 32, 256, 0).dense, units: 4 },
    ]
    const steps = [{ kernel: HYPERGRADIENT, length: 65_536 }]
    const tiles = [{ problem: small.dense, kernels: SHAPED }]
    return { fits: rulesOf(small), races, kernels: kernelPlans(small), tiles, steps, transferred: 20 }
  }
  const usual = problems(2000, 32, 1000, 0)
  const cells = problems(2700, 20, 13_714, 2_282_976)
  const middle = { ...usual, sparse: cells.sparse, sparseKl: cells.sparseKl }
  const large = problems(8192, 64, 8192, 0)
  const races = [
    { problem: middle.dense, units: 100 },
    { problem: large.dense, units: 20 },
  ]
  const steps = [{ kernel: HYPERGRADIENT, length: 16_000_000 }]
  const all: GpuPlan = {
    fits: [...rulesOf(middle), large.dense, { ...large.dense, rule: 'hals' }, large.kl],
    races,
    kernels: [...kernelPlans(middle), { problem: large.dense, kernels: ['xht_dense', 'xtw_dense'] }],
    // ranks for which shapes.ts chooses differently
    tiles: [32, 10, 128].map(rank => ({ problem: problems(4096, rank, 4096, 0).dense, kernels: SHAPED })),
    steps,
    transferred: 100,
  }
  if (scale === 'full') return all
  const few = { races: races.slice(0, 1), kernels: all.kernels.slice(0, 1), tiles: all.tiles.slice(0, 1) }
  return { ...all, ...few, fits: all.fits.slice(0, 2) }
}

/** The name of a kernel's row: `xht_dense in mu:f32:2000x32x1000`. */
export function kernelName(kernel: string, problem: FitProblem): string {
  return `${kernel} in ${fitName(problem)}`
}

/** How a row calls the shape of its product. */
export function tileVariant(tile: ShapeName): string {
  return `tile ${tile}`
}

/** The name of the rows of a product's shapes. */
export function tilesName(kernel: ShapedKernel, problem: FitProblem): string {
  return `tiles of ${kernelName(kernel, problem)}`
}

export function stepName({ kernel, length }: GpuPlan['steps'][number]): string {
  return problemName(kernel, 'f32', [length])
}
