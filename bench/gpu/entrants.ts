import path from 'node:path'
import type { ShapeName } from '../../ts/backends/webgpu/shapes.js'
import type { Entrant } from '../bout.js'
import { type FitProblem, fitName } from '../problem.js'
import { iterationWork } from '../work.js'
import { tileVariant } from './plan.js'
import type { Probe } from './probes.js'

/** Both are bundled with the package's sources: they look inside it. */
const bundled = (place: string) => [process.execPath, path.join('build', 'scripts', 'bench', `${place}.mjs`)]

const gpu = { threads: 1, dtype: 'f32', command: bundled('contestants/gpu') } as const

function sizeWords({ rows, rank, columns }: FitProblem): Readonly<Record<string, number>> {
  return { rows, rank, columns }
}

export type GpuFitKind = 'fit' | 'transfer' | 'naive'

const VARIANTS: Readonly<Record<GpuFitKind, string>> = {
  fit: '',
  transfer: 'with upload and read-back',
  naive: 'one thread an entry',
}

/** nonneg on a GPU, resident or with the way there and back, or the same update in naive shaders. */
export function gpuFit(what: GpuFitKind, problem: FitProblem, { units }: { units?: number } = {}): Entrant {
  return {
    ...gpu,
    backend: what === 'naive' ? 'naive-wgsl' : 'webgpu',
    variant: VARIANTS[what],
    start: { what, problem: fitName(problem), ...sizeWords(problem) },
    units,
    under: 'either',
  }
}

/** One kernel as a fit dispatches it. @param tile of a product, where not the one that the fit takes */
export function gpuKernel(kernel: string, problem: FitProblem, tile?: ShapeName): Entrant {
  const start = { what: 'kernel', kernel, problem: fitName(problem), ...sizeWords(problem), ...(tile && { tile }) }
  return { ...gpu, backend: 'webgpu', variant: tile ? tileVariant(tile) : '', start, under: 'either' }
}

/** A step of an optimizer. */
export function gpuStep(kernel: string, length: number): Entrant {
  return { ...gpu, backend: 'webgpu', variant: '', start: { what: 'step', kernel, length }, under: 'memory' }
}

/** A peak of the device. */
export function gpuRoof(probe: Probe): Entrant {
  const roof = probe === 'fma' ? 'arithmetic' : 'memory'
  return { ...gpu, backend: 'roofline', variant: probe, start: { what: 'probe', probe }, roof }
}

/** The same, absent where WebGPU has nothing but a driver on the CPU. */
export function onHardware(entrant: Entrant): Entrant {
  return { ...entrant, start: { ...entrant.start, only: 'hardware' } }
}

/** @tensorflow/tfjs-backend-webgpu on the same GPU. */
export function tfjsWebgpu(problem: FitProblem, units: number): Entrant {
  const { rule, loss = 'frobenius', dtype } = problem
  return {
    ...gpu,
    backend: 'tfjs-webgpu',
    variant: '',
    command: bundled('peers/tfjs-webgpu'),
    start: { solver: rule, loss, dtype, ...sizeWords(problem) },
    units,
    work: iterationWork(problem),
    remedy: 'npm ci --ignore-scripts in bench/peers',
  }
}
