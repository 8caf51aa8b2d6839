import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { workOf } from '../../bench/gpu/counts.js'
import { fitCalls, imaginary, imaginaryCounts, imaginaryData } from '../../bench/gpu/iteration.js'
import { type OpenGpu, openGpu } from '../../bench/gpu/open.js'
import { GPU_SCALES, gpuPlan } from '../../bench/gpu/plan.js'
import { LARGE_LIMITS, LARGE_ROOM } from '../../bench/gpu/predictions.js'
import { probeSubject } from '../../bench/gpu/probes.js'
import { type FitData, fitSubject, kernelSubject, naiveSubject, transferSubject } from '../../bench/gpu/subjects.js'
import { madeUp, madeUpMatrix } from '../../bench/made-up.js'
import { type FitProblem, LOSSES } from '../../bench/problem.js'
import type { Call } from '../../ts/backends/webgpu/calls.js'
import { dotsOf } from '../../ts/backends/webgpu/device.js'
import type { Room } from '../../ts/backends/webgpu/plan.js'
import { nodeGpu } from '../../ts/backends/webgpu/provider-node.js'
import { denseView } from '../../ts/core/matrix.js'
import { plainFit } from '../webgpu/plain.js'
import { hasDriver, softwareBackend, watched } from '../webgpu/software.js'

/** As drivers on the CPU are dealt with. */
const EMULATED_ROOM: Room = { ...LARGE_ROOM, parallel: false, fusedRank: 0 }

async function listed(
  { rows, rank, columns, rule, loss = 'frobenius', nonzeros }: FitProblem,
  room: Room = LARGE_ROOM,
): Promise<readonly Call[]> {
  const data =
    nonzeros === undefined ? await imaginaryData(rows, columns, room) : await imaginaryCounts(rows, columns, nonzeros)
  const spec = { rank, rule, beta: LOSSES[loss], dtype: 'f32' } as const
  return (await fitCalls(imaginary, { spec, data, room, dots: dotsOf(LARGE_ROOM, LARGE_LIMITS) })).iteration
}

describe('the plans', () => {
  it.each(GPU_SCALES)('%s names kernels that its fits dispatch, whose work is counted', async scale => {
    const { kernels: single, tiles } = gpuPlan(scale)
    for (const { problem, kernels } of [...single, ...tiles]) {
      const calls = await listed(problem, scale === 'emulated' ? EMULATED_ROOM : LARGE_ROOM)
      for (const kernel of kernels) {
        const call = calls.find(({ kernel: name }) => name === kernel)
        expect(call, kernel).toBeDefined()
        const { flops, bytes } = workOf(call!)
        expect(flops, kernel).toBeGreaterThan(0)
        // no array of these fits is larger than X, or than what X's entries contribute
        expect(bytes, kernel).toBeGreaterThan(4 * problem.rank)
      }
    }
  })
})

describe('an iteration of a large fit on a GPU', () => {
  const problem: FitProblem = { rule: 'mu', dtype: 'f32', rows: 8192, rank: 64, columns: 8192 }
  const X = 4 * 8192 * 8192
  it.each([
    // sums of a factor, its products and its update, twice, and the sum of the loss: X is read twice
    ['kullback-leibler', 64, 7, 2],
    ['itakura-saito', 64, 5, 2],
    // the ratio of each of four tiles is written and read again for either factor, and beside it what the model pushes back with;
    // all the parts of the products come to about another X there
    ['kullback-leibler', 65, 5 + 2 * (4 + 4), 6],
    ['itakura-saito', 65, 3 + 2 * (4 + 8), 11],
  ] as const)('%s, rank %i: %i dispatches, which move X %i times', async (loss, rank, count, times) => {
    const calls = await listed({ ...problem, loss, rank })
    expect(calls).toHaveLength(count)
    const products = calls.filter(({ kernel }) => /^(beta_tile|beta_xht_dense|xht_dense|xtw_dense)$/.test(kernel))
    const bytes = products.reduce((sum, call) => sum + workOf(call).bytes, 0)
    expect(Math.floor(bytes / X)).toBe(times)
  })
})

describe.runIf(hasDriver)('subjects on the software driver', () => {
  const problem: FitProblem = { rule: 'mu', dtype: 'f32', rows: 28, rank: 4, columns: 20 }
  let gpu: OpenGpu
  let data: FitData
  const watch = watched()

  beforeAll(async () => {
    process.env.NONNEG_WEBGPU = 'software'
    gpu = await openGpu(nodeGpu)
    const made = madeUp(problem)
    data = { X: madeUpMatrix(problem), W: made.W(), H: made.H() }
  })
  afterAll(() => gpu.close())

  it('says what it runs on', () => {
    expect(gpu.emulated).toBe(true)
    expect(gpu.name).toMatch(/swiftshader.*\(emulated\)/i)
  })

  it('reaches the same loss by the fit, with its way there and back, and by naive shaders, from the same start every time', async () => {
    const { W, H, X } = data
    const start = { X, squaredNorm: 1, W: denseView(W, 28, 4), H: denseView(H, 4, 20) }
    const wanted = plainFit(start, 3).losses[2]
    const subjects = [
      await fitSubject(gpu, problem, data),
      transferSubject(gpu, problem, data),
      await naiveSubject(gpu, problem, data),
    ]
    for (const subject of subjects) {
      await subject.run(7)
      expect(await subject.run(3)).toBeGreaterThan(0)
      expect((await subject.loss!()) / wanted).toBeCloseTo(1, 4)
      subject.close()
    }
  })

  it('times a kernel of the fit and the probes', async () => {
    const subjects = [
      await kernelSubject(gpu, 'mu_update', problem, data),
      await probeSubject(gpu, 'fma', { threads: 256, bytes: 0 }),
      await probeSubject(gpu, 'triad', { threads: 0, bytes: 4096 }),
    ]
    for (const subject of subjects) {
      // more dispatches than one submission has
      expect(await subject.run(260)).toBeGreaterThan(0)
      subject.close()
    }
    expect(subjects.map(({ work }) => work)).toMatchObject([
      { flops: 2 * 28 * 4 * 4 + 2 * 28 * 4 },
      { flops: 2 * 256 * 256 * 32, bytes: 0 },
      { flops: 2 * 1024, bytes: 3 * 4096 },
    ])
    await expect(kernelSubject(gpu, 'hals_update', problem, data)).rejects.toThrow(
      'hals_update is no kernel of this fit',
    )
  })

  it('lists the dispatches that a fit records', async () => {
    const device = await softwareBackend({}, watch.provider).open()
    const { X, W, H } = data
    const start = { X, squaredNorm: 1, W: denseView(W, 28, 4), H: denseView(H, 4, 20) }
    const fit = await device.createFit(start, { rank: 4, beta: 2, rule: 'mu', dtype: 'f32' })
    await fit.run(1)
    const before = watch.dispatches()
    await fit.run(11)
    expect(watch.dispatches() - before).toBe(11 * (await listed(problem)).length)
    await fit[Symbol.asyncDispose]()
    await device[Symbol.asyncDispose]()
  })
})
