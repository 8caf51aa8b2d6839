import type { GpuPlan, GpuScale } from '../gpu/plan.js'
import type { FitProblem } from '../problem.js'

/** The group of rows, for which `--backends cuda` stands. */
export const CUDA_GROUP = 'cuda'

const dense = (rows: number, rank: number, columns: number): FitProblem => {
  return { rule: 'mu', dtype: 'f32', rows, rank, columns }
}

const SMALL = [16, 32, 64, 128].map(rank => ({ problem: dense(2000, rank, 1000), units: 500 }))

/** What everybody does on one GPU, with as many iterations: some tens of milliseconds on a large one. */
export function cudaPlan(scale: GpuScale): GpuPlan['races'] {
  if (scale === 'emulated' || scale === 'tiny') {
    return [
      { problem: dense(48, 4, 40), units: 3 },
      { problem: { ...dense(48, 4, 40), nonzeros: 400 }, units: 3 },
    ]
  }
  if (scale === 'quick') return SMALL.slice(1, 2)
  return [
    ...SMALL,
    { problem: dense(4096, 64, 4096), units: 150 },
    { problem: dense(8192, 64, 8192), units: 50 },
    { problem: dense(20_000, 50, 5000), units: 40 },
    { problem: { ...dense(2700, 20, 13_714), nonzeros: 2_282_976 }, units: 200 },
  ]
}
