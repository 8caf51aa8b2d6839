import { describe, expect, it } from 'vitest'
import { bitsOf, dense, fitOn, open, problemOf, sparse, specOf } from './helpers.js'

const LIVELY_MS = 5000

describe.each([
  { shared: true, threads: 2 },
  { shared: false, threads: 1 },
])('a run (shared memory: $shared)', mode => {
  it.each([
    ['panels', dense(1500, 600)],
    ['tiles', dense(100, 6000)],
    ['csr', sparse(2000, 1500, 10)],
  ])('on %s ends soon after an abort, with valid factors', async (_name, X) => {
    const device = await open(mode)
    const fit = await device.createFit(problemOf(X, 24), specOf(24))
    const controller = new AbortController()
    let ticks = 0
    const clock = setInterval(() => ticks++, 2)
    let aborted = 0
    setTimeout(() => {
      aborted = performance.now()
      controller.abort()
    }, 100)
    const report = await fit.run(10_000_000, { signal: controller.signal })
    const latency = performance.now() - aborted
    clearInterval(clock)
    expect(report.stopped).toBe('aborted')
    expect(report.losses).toHaveLength(report.iterations)
    expect(aborted).toBeGreaterThan(0)
    expect(latency).toBeLessThan(LIVELY_MS)
    // the main thread was free all the time
    expect(ticks).toBeGreaterThan(3)
    const { W, H } = await fit.factors()
    expect([...W, ...H].every(value => value >= 0 && Number.isFinite(value))).toBe(true)
    // and the fit goes on from where it is
    const before = await fit.evaluate()
    const next = await fit.run(3)
    expect(next.stopped).toBe('done')
    expect(next.losses[2]).toBeLessThanOrEqual(before * (1 + 1e-5))
    await device[Symbol.asyncDispose]()
  })

  it('ends at its deadline, after one iteration at least', async () => {
    const device = await open(mode)
    const fit = await device.createFit(problemOf(dense(1500, 600), 24), specOf(24))
    const late = await fit.run(1000, { deadline: performance.now() - 1 })
    expect([late.stopped, late.iterations]).toEqual(['deadline', 1])
    const start = performance.now()
    const report = await fit.run(10_000_000, { deadline: start + 150 })
    expect(report.stopped).toBe('deadline')
    expect(report.iterations).toBeGreaterThan(0)
    expect(performance.now() - start).toBeLessThan(LIVELY_MS)
    expect([...report.seconds]).toEqual([...report.seconds].sort((a, b) => a - b))
    await device[Symbol.asyncDispose]()
  })

  it('does nothing after an abort before it', async () => {
    const device = await open(mode)
    const fit = await device.createFit(problemOf(dense(30, 20), 3), specOf(3))
    const report = await fit.run(5, { signal: AbortSignal.abort() })
    expect([report.stopped, report.iterations, report.losses.length]).toEqual(['aborted', 0, 0])
    await device[Symbol.asyncDispose]()
  })

  it('shares the device fairly with others, and gives the bits it gives alone', async () => {
    const device = await open(mode)
    const alone = new Map<number, string>()
    const problems = [dense(700, 300), sparse(900, 800, 8), dense(90, 3000), dense(25, 30)].map(X => problemOf(X, 20))
    for (const [i, problem] of problems.entries()) alone.set(i, bitsOf(await fitOn(device, problem, 20)))
    const endless = await device.createFit(problemOf(dense(800, 400), 16), specOf(16))
    const controller = new AbortController()
    const background = endless.run(10_000_000, { signal: controller.signal })
    // memory grows and helpers learn of new fits while they work for another
    for (let round = 0; round < 3; round++) {
      const together = await Promise.all(problems.map(problem => fitOn(device, problem, 20)))
      for (const [i, outcome] of together.entries()) expect(bitsOf(outcome)).toBe(alone.get(i))
    }
    controller.abort()
    expect((await background).iterations).toBeGreaterThan(0)
    await endless[Symbol.asyncDispose]()
    expect(await device.bytesInUse()).toBe(0)
    await device[Symbol.asyncDispose]()
  })

  it('ends where its fit is disposed of', async () => {
    const device = await open(mode)
    const fit = await device.createFit(problemOf(dense(800, 400), 16), specOf(16))
    const running = fit.run(10_000_000)
    await fit[Symbol.asyncDispose]()
    expect((await running).stopped).toBe('aborted')
    expect(await device.bytesInUse()).toBe(0)
    await device[Symbol.asyncDispose]()
  })

  it('rejects where its device is closed', async () => {
    const device = await open(mode)
    const fit = await device.createFit(problemOf(dense(800, 400), 16), specOf(16))
    const running = fit.run(10_000_000)
    const closed = device[Symbol.asyncDispose]()
    await expect(running).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
    await closed
    await expect(fit.evaluate()).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
    await fit[Symbol.asyncDispose]()
  })
})

describe('a trap', () => {
  // an index whose row of Ht would lie 2 GiB further on: no caller gets it past the validation of X
  const broken = (rows: number) => {
    const X = sparse(rows, 700, 10)
    return { ...X, indices: X.indices.slice().fill(2 ** 31 / 128) }
  }

  it.each([
    ['in the coordinator', 40, 1],
    ['in several threads', 3000, 3],
  ])('%s is an error of that run alone', async (_where, rows, threads) => {
    const device = await open({ threads })
    const fit = await device.createFit(problemOf(broken(rows), 32), specOf(32))
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(fit.run(3)).rejects.toMatchObject({
        code: 'ERR_NONNEG_BACKEND',
        message: expect.stringContaining('memory access out of bounds'),
      })
    }
    await fit[Symbol.asyncDispose]()
    const problem = problemOf(sparse(1500, 700, 10), 32)
    expect((await fitOn(device, problem, 32)).losses).toHaveLength(6)
    expect(await device.bytesInUse()).toBe(0)
    await device[Symbol.asyncDispose]()
  })
})
