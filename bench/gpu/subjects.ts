import type { Fit, FitSpec, Problem } from '../../ts/backends/backend.js'
import { prepare, record } from '../../ts/backends/webgpu/calls.js'
import { deviceColumns, uploadData } from '../../ts/backends/webgpu/data.js'
import { dotsOf, roomOf } from '../../ts/backends/webgpu/device.js'
import { Owned } from '../../ts/backends/webgpu/owned.js'
import { padded } from '../../ts/backends/webgpu/plan.js'
import { askedShape, type Shape } from '../../ts/backends/webgpu/shapes.js'
import { uploadFloats, uploadRows, uploadTransposed } from '../../ts/backends/webgpu/upload.js'
import { groupsOf, PARTIAL_BYTES, scalarsOf, vectorCall } from '../../ts/backends/webgpu/vector-calls.js'
import { denseView, type MatrixView } from '../../ts/core/matrix.js'
import { vectorKernels } from '../../ts/kernels/vectors.js'
import type { Work } from '../contestant.js'
import { type FitProblem, LOSSES } from '../problem.js'
import { iterationWork } from '../work.js'
import { workOf } from './counts.js'
import { Dispatches, type Subject } from './dispatches.js'
import { fitCalls } from './iteration.js'
import { NaiveFit } from './naive.js'
import type { OpenGpu } from './open.js'

/** A fit's matrices: W is rows × rank, H is rank × columns. */
export interface FitData {
  readonly X: MatrixView
  readonly W: Float32Array<ArrayBuffer>
  readonly H: Float32Array<ArrayBuffer>
}

function specOf({ rank, rule, loss = 'frobenius' }: FitProblem): FitSpec {
  return { rank, rule, beta: LOSSES[loss], dtype: 'f32' }
}

function problemOf({ rows, rank, columns }: FitProblem, { X, W, H }: FitData): Problem {
  const values = X.kind === 'dense' ? X.data : X.values
  let squaredNorm = 0
  for (const value of values) squaredNorm += value * value
  return { X, squaredNorm, W: denseView(W, rows, rank), H: denseView(H, rank, columns) }
}

/** Whole iterations with their losses; X, W and H are on the device before, and stay there. */
export async function fitSubject({ device }: OpenGpu, problem: FitProblem, data: FitData): Promise<Subject> {
  const fit: Fit = await device.createFit(problemOf(problem, data), specOf(problem))
  let loss = Number.NaN
  return {
    work: iterationWork(problem),
    async run(units) {
      await fit.setFactors(data)
      const { losses, seconds } = await fit.run(units)
      loss = losses[units - 1]
      return seconds[units - 1]
    },
    loss: async () => loss,
    close: () => void fit[Symbol.asyncDispose](),
  }
}

/** The same with the way there and back: X, W and H are uploaded before the iterations, W and H read back after them. */
export function transferSubject({ device }: OpenGpu, problem: FitProblem, data: FitData): Subject {
  const own = problemOf(problem, data)
  let loss = Number.NaN
  return {
    work: iterationWork(problem),
    async run(units) {
      const begun = performance.now()
      const fit = await device.createFit(own, specOf(problem))
      try {
        loss = (await fit.run(units)).losses[units - 1]
        await fit.factors()
        return (performance.now() - begun) / 1000
      } finally {
        await fit[Symbol.asyncDispose]()
      }
    },
    loss: async () => loss,
    close() {},
  }
}

/** One thread for each entry of each product: what blocking is held against. */
export function naiveSubject(open: OpenGpu, problem: FitProblem, { X, W, H }: FitData): Promise<Subject> {
  const { rows, columns, rank } = problem
  const dense = X.kind === 'dense' ? Float32Array.from(X.data) : new Float32Array(0)
  return NaiveFit.create(open, { X: dense, W, H, rows, columns, rank }, iterationWork(problem))
}

/**
 * One kernel as the fit dispatches it: in its sizes, cut into its parts, on what an iteration has left there. A unit is one
 * dispatch.
 *
 * @param shape of the products, where not the one that the fit takes
 */
export async function kernelSubject(
  open: OpenGpu,
  kernel: string,
  problem: FitProblem,
  matrices: FitData,
  shape: Shape | undefined = askedShape(),
): Promise<Subject> {
  const { gpu, emulated } = open
  const own = problemOf(problem, matrices)
  const spec = specOf(problem)
  const room = roomOf(gpu.device.limits, emulated, { shape, near: gpu.near })
  const owned = new Owned(gpu)
  const where = { bindingBytes: room.bindingBytes, residency: undefined }
  const data = await uploadData(gpu, owned, own, { spec, batches: false, ...where })
  const calls = await fitCalls(owned, { spec, data, room, dots: dotsOf(room, gpu.device.limits) }, gpu)
  const width = padded(spec.rank)
  await uploadRows(gpu, calls.W, own.W, 0, problem.rows, width)
  await uploadTransposed(gpu, calls.Ht, own.H, deviceColumns(own.X), width)
  const all = [...calls.begin, ...calls.iteration]
  const { steps, uniforms } = await prepare(gpu, all)
  owned.keep(uniforms)
  const at = all.findIndex(call => call.kernel === kernel)
  if (at < 0) throw new RangeError(`${kernel} is no kernel of this fit`)
  const { done } = gpu.scoped(() => {
    const encoder = gpu.device.createCommandEncoder()
    record(
      encoder,
      steps.map(step => (step.offset === undefined ? step : { ...step, offset: 0 })),
    )
    gpu.device.queue.submit([encoder.finish()])
  })
  await Promise.all([done, gpu.settle()])
  return new Dispatches(open, [steps[at]], workOf(all[at]), () => owned.destroy())
}

/** Values that stay among normal numbers for as many steps as a run takes. */
const START: Readonly<Record<string, number>> = { p: 1, g: 0.5, u: 0.25, rates: 1e-3, squares: 0.25 }

/** A step of an optimizer over flat parameters, its sums left where they are. A unit is one step. */
export async function stepSubject(open: OpenGpu, name: string, length: number): Promise<Subject> {
  const { gpu } = open
  const kernel = vectorKernels.find(spec => spec.name === name)
  if (!kernel) throw new RangeError(`there is no kernel ${name}`)
  const owned = new Owned(gpu)
  const buffers: GPUBuffer[] = []
  for (const { name: array } of kernel.arrays) {
    const buffer = await owned.storage(4 * length)
    await uploadFloats(gpu, buffer, new Float32Array(length).fill(START[array] ?? 0.5), 0, length)
    buffers.push(buffer)
  }
  const [group] = groupsOf(Float64Array.of(0, length))
  const partials = await owned.storage(group.workgroups * PARTIAL_BYTES)
  const { length: _, ...settings } = kernel.benchmark
  const scalars = scalarsOf(
    kernel,
    kernel.scalars.map(scalar => settings[scalar] ?? kernel.defaults[scalar]),
  )
  const call = vectorCall(kernel, buffers, partials)
  const { steps, uniforms } = await prepare(gpu, [
    { ...call, params: [0, length, 0], scalars, groups: [group.workgroups, 1, 1] },
  ])
  owned.keep(uniforms)
  const dims = { ...settings, length }
  const work: Work = { flops: kernel.flops(dims), bytes: kernel.bytes(dims) }
  return new Dispatches(open, steps, work, () => owned.destroy())
}
