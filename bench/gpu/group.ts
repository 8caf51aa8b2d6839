import { SHAPES_OF } from '../../ts/backends/webgpu/shapes.js'
import type { Bout } from '../bout.js'
import type { DataFolder } from '../data.js'
import { fitName, problemName } from '../problem.js'
import { gpuFit, gpuKernel, gpuRoof, gpuStep, tfjsWebgpu } from './entrants.js'
import { GPU_GROUP, type GpuScale, gpuPlan, kernelName, RACE_GROUP, stepName, TILE_GROUP, tilesName } from './plan.js'
import { PROBES } from './probes.js'

const ROUNDS = 7

/** nonneg against the same update in naive shaders, and in operations of tfjs, all on one GPU. */
export function raceBouts(data: DataFolder, scale: GpuScale): Bout[] {
  return gpuPlan(scale).races.map(({ problem, units }): Bout => {
    const all = [gpuFit('fit', problem, { units }), gpuFit('naive', problem, { units }), tfjsWebgpu(problem, units)]
    const entrants = all.map(entrant => ({ ...entrant, under: undefined }))
    const label = { group: RACE_GROUP, problem: fitName(problem), unit: 'iteration' } as const
    return { ...label, rounds: ROUNDS, prepare: () => data.files(problem), entrants }
  })
}

// reading alone moves fewer bytes at once than the others do
const roofs = () => PROBES.map(gpuRoof).filter(({ variant }) => variant !== 'read')

/** The shapes of dense products against each other, on one GPU. */
export function tileBouts(data: DataFolder, scale: GpuScale): Bout[] {
  return gpuPlan(scale).tiles.flatMap(({ kernels, problem }) =>
    kernels.map((kernel): Bout => {
      const entrants = [...SHAPES_OF[kernel].map(tile => gpuKernel(kernel, problem, tile)), ...roofs()]
      const label = { group: TILE_GROUP, problem: tilesName(kernel, problem), unit: 'call' } as const
      return { ...label, rounds: ROUNDS, prepare: () => data.files(problem), entrants }
    }),
  )
}

/** WebGPU under the peaks that its own probes reach in the same rounds. */
export function gpuBouts(data: DataFolder, scale: GpuScale): Bout[] {
  const plan = gpuPlan(scale)
  const common = { group: GPU_GROUP, rounds: ROUNDS }
  const fits = plan.fits.map((problem): Bout => {
    const entrants = [gpuFit('fit', problem), gpuFit('transfer', problem, { units: plan.transferred }), ...roofs()]
    return { ...common, problem: fitName(problem), unit: 'iteration', prepare: () => data.files(problem), entrants }
  })
  const single = plan.kernels.flatMap(({ kernels, problem }) =>
    kernels.map((kernel): Bout => {
      const entrants = [gpuKernel(kernel, problem), ...roofs()]
      const prepare = () => data.files(problem)
      return { ...common, problem: kernelName(kernel, problem), unit: 'call', prepare, entrants }
    }),
  )
  const steps = plan.steps.map((step): Bout => {
    const entrants = [gpuStep(step.kernel, step.length), ...roofs().filter(({ roof }) => roof === 'memory')]
    return { ...common, problem: stepName(step), unit: 'step', entrants }
  })
  const peaks: Bout = {
    ...common,
    problem: problemName('peaks', 'f32', []),
    unit: 'pass',
    entrants: PROBES.map(gpuRoof),
  }
  return [peaks, ...fits, ...single, ...steps]
}
