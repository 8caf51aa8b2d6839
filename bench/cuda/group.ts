import type { Bout, Entrant } from '../bout.js'
import type { DataFolder } from '../data.js'
import { gpuFit, gpuRoof, onHardware } from '../gpu/entrants.js'
import type { GpuScale } from '../gpu/plan.js'
import { fitName } from '../problem.js'
import { copyRoof, cudaFit, cudaPeer, sgemmRoof } from './entrants.js'
import { CUDA_GROUP, cudaPlan } from './plan.js'

/** Beyond the caches of large GPUs. */
const COPY_BYTES = 2 ** 29
const SGEMM_SIZE = 8192

/** CUDA, WebGPU and libraries of Python on one GPU, under its peaks in the same rounds. */
export function cudaBouts(data: DataFolder, scale: GpuScale): Bout[] {
  // problems of a GPU's size would keep a driver on the CPU busy for minutes
  const webgpu = (entrant: Entrant) => (scale === 'emulated' ? entrant : onHardware(entrant))
  return cudaPlan(scale).map(({ problem, units }): Bout => {
    const entrants = [
      cudaFit(problem, units),
      webgpu(gpuFit('fit', problem, { units })),
      cudaPeer('torch', problem, { units, words: { launch: 'each' } }),
      cudaPeer('torch', problem, { units, variant: 'CUDA graph', words: { launch: 'graph' } }),
      cudaPeer('cupy', problem, { units }),
      webgpu(gpuRoof('fma')),
      webgpu(gpuRoof('copy')),
      sgemmRoof(SGEMM_SIZE),
      copyRoof(COPY_BYTES),
    ]
    const label = { group: CUDA_GROUP, problem: fitName(problem), unit: 'iteration' } as const
    // most of a start is the import of a library, which any number do at once
    const how = { rounds: 11, together: true, comparesHardware: true }
    return { ...label, ...how, prepare: () => data.files(problem), entrants }
  })
}
