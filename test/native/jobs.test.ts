import { readdirSync, readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Fit } from '../../ts/backends/backend.js'
import { runChild } from './children.js'
import { addonOrSkip, problemOf, randomCsr, randomDense, specOf, withFit } from './helpers.js'

/** Generous: the machine may do other things at the same time. */
const SOON_MS = 2000
const ENDLESS = 2 ** 31 - 1

beforeEach(addonOrSkip)

const matrices = [
  ['dense, fused', randomDense(1350, 200)],
  ['dense, two passes', randomDense(150, 900)],
  ['sparse', randomCsr(500, 400, 10)],
] as const

describe('a running fit', () => {
  it.for(matrices)('ends soon after an abort, with factors that are valid and can go on: %s', async ([, X]) => {
    await withFit(problemOf(X, 8), specOf(8), { threads: 2 }, async fit => {
      const controller = new AbortController()
      const run = fit.run(ENDLESS, { signal: controller.signal })
      await new Promise(resolve => setTimeout(resolve, 50))
      const start = performance.now()
      controller.abort()
      const report = await run
      expect(performance.now() - start).toBeLessThan(SOON_MS)
      expect(report.stopped).toBe('aborted')
      expect([report.iterations, report.seconds.length]).toEqual([report.losses.length, report.losses.length])
      const { W, H } = await fit.factors()
      expect([...W, ...H].every(value => value >= 0 && Number.isFinite(value))).toBe(true)
      const before = await fit.evaluate()
      const again = await fit.run(3)
      expect([again.stopped, again.iterations]).toEqual(['done', 3])
      expect(again.losses[2]).toBeLessThanOrEqual(before * (1 + 1e-5))
    })
  })

  it('does nothing where the signal was aborted before', async () => {
    await withFit(problemOf(randomDense(20, 20), 2), specOf(2), {}, async fit => {
      const report = await fit.run(5, { signal: AbortSignal.abort() })
      expect([report.stopped, report.iterations, report.losses.length]).toEqual(['aborted', 0, 0])
    })
  })

  it('starts no iteration after its deadline, but always does one', async () => {
    await withFit(problemOf(randomDense(200, 200), 8), specOf(8), {}, async fit => {
      const late = await fit.run(5, { deadline: performance.now() - 1000 })
      expect([late.stopped, late.iterations]).toEqual(['deadline', 1])
      const start = performance.now()
      const timed = await fit.run(ENDLESS, { deadline: start + 100 })
      expect(timed.stopped).toBe('deadline')
      expect(timed.seconds.at(-2) ?? 0).toBeLessThan(0.1)
      expect(performance.now() - start).toBeLessThan(SOON_MS)
    })
  })

  it('leaves the event loop to others, refuses a second call, and survives being disposed of', async () => {
    let fit: Fit | undefined
    await withFit(problemOf(randomDense(400, 300), 8), specOf(8), { threads: 2 }, async created => {
      fit = created
      const run = fit.run(ENDLESS)
      let ticks = 0
      const timer = setInterval(() => ticks++, 5)
      await new Promise(resolve => setTimeout(resolve, 200))
      clearInterval(timer)
      expect(ticks).toBeGreaterThan(3)
      await expect(fit.evaluate()).rejects.toMatchObject({ code: 'ERR_NONNEG_BACKEND' })
      await fit[Symbol.asyncDispose]()
      expect((await run).stopped).toBe('aborted')
    })
    await expect(fit!.run(1)).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
    await expect(fit!.factors()).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
  })

  it('shares the threads with other fits: each gets its turn', async () => {
    const problem = problemOf(randomDense(700, 300), 8)
    await withFit(problem, specOf(8), { threads: 2 }, endless =>
      withFit(problem, specOf(8), { threads: 2 }, async short => {
        const controller = new AbortController()
        const forever = endless.run(ENDLESS, { signal: controller.signal })
        const { iterations } = await short.run(20)
        controller.abort()
        expect(iterations).toBe(20)
        expect((await forever).stopped).toBe('aborted')
      }),
    )
  })
})

describe('a process', () => {
  const clean = { code: 0, signal: null, stderr: '' }

  it('exits cleanly in the middle of a run', async () => {
    const script = `
      const fit = await endless(2)
      fit.run(FOREVER, 0)
      setTimeout(() => { console.log('exit'); process.exit(0) }, 50)`
    expect(await runChild(script)).toEqual({ ...clean, stdout: 'exit\n' })
  })

  it('exits cleanly in the middle of every other job', async () => {
    const script = `
      const fits = await Promise.all([1, 2, 2].map(threads => endless(threads, 2000, 800)))
      fits[0].evaluate(2)
      fits[1].factors(new Float32Array(2000 * 16), new Float32Array(800 * 16))
      fits[2].setFactors(new Float32Array(2000 * 16), new Float32Array(800 * 16))
      process.exit(0)`
    expect(await runChild(script)).toEqual({ ...clean, stdout: '' })
  })

  it('goes on when a Worker is terminated in the middle of a run', async () => {
    const script = `
      for (let round = 0; round < 4; round++) {
        const worker = inWorker('const fit = await endless(2); fit.run(FOREVER, 0); workerThreads.parentPort.postMessage(0)')
        await new Promise(resolve => worker.once('message', resolve))
        await wait(5 * round)
        await worker.terminate()
      }
      const { losses } = await (await endless(2)).run(3, 0)
      console.log(losses.length)`
    expect(await runChild(script)).toEqual({ ...clean, stdout: '3\n' })
  })

  it('goes on when the only Worker that loaded the addon has ended, and its threads are still there', async () => {
    const script = `
      const { Worker } = require('node:worker_threads')
      const worker = inWorker('const fit = await endless(3); await fit.run(20, 0); fit.dispose()')
      worker.on('exit', code => setTimeout(() => console.log('worker', code), 100))`
    expect(await runChild(script, undefined, { loadsAddon: false })).toEqual({ ...clean, stdout: 'worker 0\n' })
  })

  it('runs fits of several Workers at once', async () => {
    const script = `
      const text = 'const { losses } = await (await endless(2)).run(20, 0); workerThreads.parentPort.postMessage(losses[19])'
      const results = await Promise.all([1, 2, 3].map(() =>
        new Promise((resolve, reject) => inWorker(text).once('message', resolve).once('error', reject))))
      console.log(new Set(results).size)`
    expect(await runChild(script)).toEqual({ ...clean, stdout: '1\n' })
  })

  it('collects fits that nobody disposed of', async () => {
    const script = `
      const [rows, columns, rank] = [1000, 1000, 16]
      const X = new Float32Array(rows * columns).fill(1)
      const options = { device: 'cpu', isa: '', rows, columns, rank, nonzeros: -1, squaredNorm: 1e6, threads: 1 }
      for (let i = 0; i < 300; i++) {
        const fit = new addon.NativeFit({ ...choices, ...options })
        fit.uploadDense(rows, X, 0, columns)
        if (i % 20 === 0) await wait(0)
      }
      console.log(process.memoryUsage().rss < 600e6 ? 'small' : process.memoryUsage().rss)`
    expect(await runChild(script)).toEqual({ ...clean, stdout: 'small\n' })
  })
})

/** The processors that each thread of the process may run on, as Linux lists them. */
function allowedProcessors(): Set<string> {
  const statuses = readdirSync('/proc/self/task').map(id => readFileSync(`/proc/self/task/${id}/status`, 'utf8'))
  return new Set(statuses.map(status => /^Cpus_allowed_list:\s*(\S+)/m.exec(status)![1]))
}

it.runIf(process.platform === 'linux')(
  'binds no thread to a core, though threads leave cores that they share',
  async () => {
    const before = allowedProcessors()
    await withFit(problemOf(randomDense(1350, 200), 8), specOf(8), { threads: 2 }, async fit => {
      for (let job = 0; job < 100; job++) {
        // so that the threads sleep, and are woken on whatever core
        await new Promise(resolve => setTimeout(resolve, 2))
        await fit.run(10)
      }
    })
    expect(allowedProcessors()).toEqual(before)
  },
)
