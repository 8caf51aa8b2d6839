import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device, Fit } from '../../ts/backends/backend.js'
import { webgpuBackend } from '../../ts/backends/webgpu/backend.js'
import { SLOT } from '../../ts/backends/webgpu/family.js'
import { SLOTS } from '../../ts/backends/webgpu/slots.js'
import { dense, problemOf, SPEC, sparse } from './plain.js'
import { hasDriver, softwareBackend, watched } from './software.js'

const ROOT = path.resolve(import.meta.dirname, '../..')
const ENDLESS = 1_000_000

describe.runIf(hasDriver)('WebGPU lifetimes', () => {
  let device: Device

  beforeAll(async () => {
    device = await softwareBackend().open()
  })
  afterAll(() => device[Symbol.asyncDispose]())

  function begin(rows = 80, columns = 60, rank = 4): Promise<Fit> {
    return device.createFit(problemOf(dense(rows, columns), rank), SPEC(rank))
  }

  it('says that it is emulated', async () => {
    const probe = await softwareBackend().probe()
    expect(probe).toMatchObject({ available: true, emulated: true, info: { architecture: 'swiftshader' } })
    expect(device.emulated).toBe(true)
    expect(device.backend).toBe('webgpu')
  })

  it('stops between iterations when aborted, and leaves a fit that goes on', async () => {
    const one = await begin()
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 150)
    const report = await one.run(ENDLESS, { signal: controller.signal })
    expect(report.stopped).toBe('aborted')
    expect(report.iterations).toBeGreaterThan(0)
    expect(report.iterations).toBeLessThan(ENDLESS)
    expect(report.losses).toHaveLength(report.iterations)
    expect(report.seconds).toHaveLength(report.iterations)
    // the factors are those of the last loss
    expect(await one.evaluate()).toBeCloseTo(report.losses[report.iterations - 1], 2)
    expect(await one.run(3)).toMatchObject({ iterations: 3, stopped: 'done' })
    await one[Symbol.asyncDispose]()
  })

  it('does nothing when aborted beforehand', async () => {
    const one = await begin()
    expect(await one.run(5, { signal: AbortSignal.abort() })).toMatchObject({ iterations: 0, stopped: 'aborted' })
    await one[Symbol.asyncDispose]()
  })

  it('stops at a deadline, after one iteration at least', async () => {
    const one = await begin()
    const late = await one.run(5, { deadline: performance.now() - 1000 })
    expect(late).toMatchObject({ iterations: 1, stopped: 'deadline' })
    const start = performance.now()
    const report = await one.run(ENDLESS, { deadline: start + 200 })
    expect(report.stopped).toBe('deadline')
    expect(report.iterations).toBeGreaterThan(1)
    expect(performance.now() - start).toBeLessThan(20_000)
    expect(await one.run(2, { deadline: performance.now() + 1e7 })).toMatchObject({ iterations: 2, stopped: 'done' })
    await one[Symbol.asyncDispose]()
  })

  it('lets the event loop turn while it runs', async () => {
    const one = await begin(300, 300, 8)
    let turns = 0
    const timer = setInterval(() => turns++, 5)
    await one.run(ENDLESS, { deadline: performance.now() + 300 })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(5)
    await one[Symbol.asyncDispose]()
  })

  it('rejects with a code when the device is lost, and so does every later call', async () => {
    const watch = watched()
    const lost = await softwareBackend({}, watch.provider).open()
    const one = await lost.createFit(problemOf(dense(80, 60), 4), SPEC(4))
    setTimeout(() => watch.devices[0].destroy(), 100)
    const code = { name: 'NonnegError', code: 'ERR_NONNEG_DEVICE_LOST' }
    const failure = await one.run(ENDLESS).then(
      () => undefined,
      error => error,
    )
    expect(failure).toMatchObject(code)
    expect(failure.cause).toBeDefined()
    expect(failure.fix).toBeDefined()
    await expect(one.run(1)).rejects.toMatchObject(code)
    await expect(one.evaluate()).rejects.toMatchObject(code)
    await expect(one.factors()).rejects.toMatchObject(code)
    await expect(lost.createFit(problemOf(dense(8, 6), 2), SPEC(2))).rejects.toMatchObject(code)
    await one[Symbol.asyncDispose]()
    await lost[Symbol.asyncDispose]()
  })

  it('rejects with a code when the GPU has no room, and keeps nothing', async () => {
    const watch = watched()
    const full = await softwareBackend({}, watch.provider).open()
    const gpu = watch.devices[0]
    const createBuffer = gpu.createBuffer.bind(gpu)
    let made = 0
    // the fifth buffer is larger than any device has memory for
    gpu.createBuffer = descriptor =>
      ++made === 5 ? createBuffer({ ...descriptor, size: gpu.limits.maxBufferSize - 4 }) : createBuffer(descriptor)
    await expect(full.createFit(problemOf(dense(8, 6), 2), SPEC(2))).rejects.toMatchObject({
      code: 'ERR_NONNEG_MEMORY',
    })
    expect(made).toBeGreaterThanOrEqual(5)
    expect(watch.live.size).toBe(0)
    gpu.createBuffer = createBuffer
    const one = await full.createFit(problemOf(dense(8, 6), 2), SPEC(2))
    expect(await one.run(2)).toMatchObject({ iterations: 2 })
    await full[Symbol.asyncDispose]()
  })

  it.for([
    ['dense', dense(60, 50)],
    ['sparse', sparse(60, 50, 0.2)],
  ] as const)('frees the memory of a %s fit', async ([, X]) => {
    const watch = watched()
    const counted = await softwareBackend({}, watch.provider).open()
    let before = -1
    for (let round = 0; round < 4; round++) {
      const one = await counted.createFit(problemOf(X, 3), SPEC(3))
      await one.run(3)
      await one.factors()
      expect(watch.live.size).toBeGreaterThan(8)
      await one[Symbol.asyncDispose]()
      await one[Symbol.asyncDispose]()
      await expect(one.run(1)).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
      await expect(one.factors()).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
      // what stays belongs to the device: four stand-ins
      if (before >= 0) expect(watch.live.size).toBe(before)
      before = watch.live.size
    }
    expect(before).toBe(4)
    await counted[Symbol.asyncDispose]()
    await expect(counted.createFit(problemOf(X, 3), SPEC(3))).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
  })

  it('takes memory in proportion to the problem', async () => {
    const watch = watched()
    // without the parts into which sums are cut for the threads of a GPU
    const counted = await softwareBackend({ busyThreads: 256, parallel: false }, watch.provider).open()
    const [rows, columns, rank] = [800, 600, 8]
    const one = await counted.createFit(problemOf(dense(rows, columns), rank), SPEC(rank))
    await one.run(1)
    await one.factors()
    const needed = 4 * (rows * columns + 3 * rank * (rows + columns))
    // what iterations come to, and what that is read back through, is of one size for all problems
    expect(watch.peak()).toBeLessThan(needed + 2 * SLOTS * SLOT.bytes + 70_000)
    await counted[Symbol.asyncDispose]()
  })

  it.for(['fit', 'device'])('rejects with a code when the %s is disposed of under a run', async which => {
    const own = await softwareBackend().open()
    const one = await own.createFit(problemOf(dense(80, 60), 4), SPEC(4))
    const ended = expect(one.run(ENDLESS)).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
    await new Promise(resolve => setTimeout(resolve, 50))
    await (which === 'fit' ? one : own)[Symbol.asyncDispose]()
    await ended
    await own[Symbol.asyncDispose]()
  })

  it('opens and closes again and again', async () => {
    for (let round = 0; round < 6; round++) {
      const again = await softwareBackend().open()
      const one = await again.createFit(problemOf(dense(9, 7), 2), SPEC(2))
      expect(await one.run(1)).toMatchObject({ iterations: 1 })
      await again[Symbol.asyncDispose]()
    }
  })

  it('leaves no device behind that it cannot use', async () => {
    const watch = watched()
    const atExit = process.listenerCount('exit')
    const tall = { name: '128x128', across: 4, down: 4096, rows: 8, ranks: 8, depth: 8 } as const
    await expect(softwareBackend({ shape: tall }, watch.provider).open()).rejects.toMatchObject({
      ...{ code: 'ERR_NONNEG_OPTION', message: expect.stringMatching(/needs maxComputeInvocationsPerWorkgroup/) },
    })
    expect(watch.devices).toHaveLength(1)
    expect(await watch.devices[0].lost).toMatchObject({ reason: 'destroyed' })
    expect(process.listenerCount('exit')).toBe(atExit)
  })

  it('never throws from a probe, and says what to do', async () => {
    const absent = webgpuBackend({ find: async () => ({ found: false, reason: 'no GPU', fix: 'buy one' }) })
    expect(await absent.probe()).toEqual({ available: false, reason: 'no GPU', fix: 'buy one', problems: [] })
    await expect(absent.open()).rejects.toMatchObject({ code: 'ERR_NONNEG_BACKEND', fix: 'buy one' })
    const empty = webgpuBackend({
      find: async () => ({ found: true, gpu: { requestAdapter: async () => null }, origin: 'test' }),
    })
    expect(await empty.probe()).toMatchObject({ available: false, reason: expect.stringMatching(/no GPU/) })
    const broken = webgpuBackend({
      find: async () => ({
        found: true,
        gpu: {
          requestAdapter() {
            throw new Error('broken')
          },
        },
        origin: 'test',
      }),
    })
    expect(await broken.probe()).toMatchObject({ available: false, reason: expect.stringMatching(/broken/) })
  })
})

describe.runIf(hasDriver)('processes that use WebGPU', () => {
  const bundle = path.join(ROOT, 'node_modules', '.cache', `nonneg-webgpu-${process.pid}.mjs`)

  beforeAll(async () => {
    await build({
      stdin: {
        contents: `export { webgpuBackend } from './ts/backends/webgpu/backend.js'
          export { nodeGpu } from './ts/backends/webgpu/provider-node.js'
          export { dense, problemOf, sparse } from './test/webgpu/plain.js'
          export { watched } from './test/webgpu/software.js'`,
        resolveDir: ROOT,
        loader: 'ts',
      },
      outfile: bundle,
      bundle: true,
      platform: 'node',
      format: 'esm',
      logLevel: 'error',
    })
  })
  afterAll(() => rm(bundle, { force: true }))

  /** Runs a program in its own process; it must end by itself. */
  function child(text: string, env: Record<string, string> = {}): Promise<{ code: unknown; stdout: string }> {
    const program = `import { webgpuBackend, nodeGpu, dense, problemOf, sparse, watched } from ${JSON.stringify(bundle)}
      const SPEC = { rank: 3, beta: 2, rule: 'mu', dtype: 'f32' }
      ${text}`
    // this process has named the driver to its own children
    const { VK_ICD_FILENAMES: _, ...inherited } = process.env
    return new Promise(resolve => {
      execFile(
        process.execPath,
        ['--expose-gc', '--input-type=module', '--eval', program],
        { cwd: ROOT, timeout: 150_000, env: { ...inherited, NONNEG_WEBGPU: 'software', ...env } },
        (error, stdout) => resolve({ code: error ? (error.code ?? error.signal) : 0, stdout }),
      )
    })
  }

  it.for([
    ['everything is disposed of', 'await fit[Symbol.asyncDispose](); await device[Symbol.asyncDispose]()'],
    ['nothing is disposed of', ''],
    ['a run is under way', 'fit.run(1e6).catch(() => {}); setTimeout(() => process.exit(0), 200)'],
  ])('end by themselves when %s', async ([, ending]) => {
    const { code, stdout } = await child(`
      const device = await webgpuBackend(nodeGpu).open()
      const fit = await device.createFit(problemOf(dense(30, 20), 3), SPEC)
      const report = await fit.run(5)
      console.log(report.iterations)
      globalThis.gc()
      ${ending}`)
    expect({ code, stdout }).toEqual({ code: 0, stdout: '5\n' })
  })

  it('keep nothing of the fits that they are done with', { timeout: 180_000 }, async () => {
    const { code, stdout } = await child(`
      const watch = watched()
      const device = await webgpuBackend(watch.provider).open()
      const problems = [problemOf(dense(240, 160), 4), problemOf(sparse(240, 160, 0.2), 4)]
      const seen = []
      for (let done = 0; done <= 250; done++) {
        const batches = done % 10 === 9
        const fit = await device.createFit(problems[done % 2], { ...SPEC, rank: 4, batches })
        if (batches) await fit.runBatches([{ first: 0, count: 100 }, { first: 100, count: 140 }])
        else await fit.run(3)
        await fit.factors()
        await fit[Symbol.asyncDispose]()
        if (done % 50 > 0) continue
        globalThis.gc()
        seen.push({ done, buffers: watch.live.size, bytes: process.memoryUsage().rss })
      }
      console.log(JSON.stringify(seen))
      await device[Symbol.asyncDispose]()`)
    expect(code).toBe(0)
    // pools of the driver, compiled kernels and optimised code fill up during the first 50
    const [, warm, ...seen]: { done: number; buffers: number; bytes: number }[] = JSON.parse(stdout)
    expect(seen.map(({ done }) => done)).toEqual([100, 150, 200, 250])
    // the stand-ins of the device
    expect([warm, ...seen].map(({ buffers }) => buffers)).toEqual([4, 4, 4, 4, 4])
    // fits that are never disposed of take 100 MB more, and collections come when they like
    expect(seen.at(-1)!.bytes - warm.bytes).toBeLessThan(24e6)
  })

  it('use the driver from a worker once the main thread has it', async () => {
    const worker = path.join(path.dirname(bundle), `nonneg-webgpu-worker-${process.pid}.mjs`)
    await writeFile(
      worker,
      `import { parentPort } from 'node:worker_threads'
      import { webgpuBackend, nodeGpu } from ${JSON.stringify(bundle)}
      parentPort.postMessage(await webgpuBackend(nodeGpu).probe())`,
    )
    const use = `import('node:worker_threads').then(({ Worker }) => {
      new Worker(${JSON.stringify(worker)}, { execArgv: [] }).on('message', probe => console.log(probe.available, probe.reason ?? ''))
    })`
    try {
      const early = await child(use)
      expect(early).toMatchObject({ code: 0, stdout: expect.stringMatching(/^false .*main thread/) })
      const late = await child(`await webgpuBackend(nodeGpu).probe(); await ${use}`)
      expect(late).toMatchObject({ code: 0, stdout: 'true \n' })
    } finally {
      await rm(worker, { force: true })
    }
  })

  it('are told when NONNEG_WEBGPU is not understood', async () => {
    const { stdout } = await child('console.log(JSON.stringify(await webgpuBackend(nodeGpu).probe()))', {
      NONNEG_WEBGPU: 'hardwear',
    })
    expect(JSON.parse(stdout)).toMatchObject({ available: false, reason: expect.stringMatching(/hardwear/) })
  })
})
