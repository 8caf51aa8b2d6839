import { describe, expect, it } from 'vitest'
import { BACKEND_IDS } from '../../ts/backends/registry.js'
import {
  type BackendId,
  type DenseView,
  type Factorization,
  type FactorizeOptions,
  factorize,
  type HistoryEntry,
  type MatrixInput,
  NMF,
} from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'

// what a user sees of factorize must hold on every backend
const dense = denseMatrix(150, 90)
const sparse = sparseMatrix(120, 200, 10)

const reference = new Map<MatrixInput, Promise<Factorization>>()
// the solver that every backend has
const hundred = { rank: 6, seed: 3, maxIterations: 100, tolerance: 0, solver: 'mu' } as const

function referenceFit(X: MatrixInput): Promise<Factorization> {
  if (!reference.has(X)) reference.set(X, factorize(X, { ...hundred, backend: 'reference' }))
  return reference.get(X)!
}

describe.each([...BACKEND_IDS])('%s', (id: BackendId) => {
  it.for([
    ['dense', dense],
    ['sparse', sparse],
  ] as const)('agrees with the reference to 1e-4 after 100 iterations: %s', async ([, X], context) => {
    await presentOrSkip(id, context)
    const fit = await factorize(X, { ...hundred, backend: id })
    const { loss } = await referenceFit(X)
    expect([fit.backend, fit.iterations, fit.reason]).toEqual([id, 100, 'max-iterations'])
    expect(Math.abs(fit.loss - loss) / loss).toBeLessThan(1e-4)
    const again = await factorize(X, { ...hundred, backend: id })
    expect(again.W).toEqual(fit.W)
    expect(again.H).toEqual(fit.H)
  })

  it('stops by tolerance where the reference does', async context => {
    await presentOrSkip(id, context)
    const options = { rank: 4, seed: 1, tolerance: 1e-3, solver: 'mu' } as const
    const fit = await factorize(dense, { ...options, backend: id })
    const wanted = await factorize(dense, { ...options, backend: 'reference' })
    expect([fit.reason, fit.iterations]).toEqual(['converged', wanted.iterations])
  })

  it('reports progress, keeps to a time budget', async context => {
    await presentOrSkip(id, context)
    const seen: HistoryEntry[] = []
    const fit = await factorize(dense, {
      rank: 6,
      backend: id,
      tolerance: 0,
      maxIterations: 1e9,
      timeBudgetMs: 300,
      onProgress: entry => seen.push(entry),
    })
    expect(fit.reason).toBe('time-budget')
    expect(fit.iterations).toBeGreaterThanOrEqual(1)
    expect(seen).toEqual(fit.history)
    // generous: a machine that does other things at the same time
    expect(fit.seconds).toBeLessThan(5)
  })

  it('ends soon after an abort, and is usable afterwards', async context => {
    await presentOrSkip(id, context)
    const controller = new AbortController()
    let aborted = 0
    const onProgress = () => {
      if (aborted === 0) {
        aborted = performance.now()
        controller.abort('stop it')
      }
    }
    const endless = { rank: 6, backend: id, tolerance: 0, maxIterations: 1e9, signal: controller.signal, onProgress }
    await expect(factorize(dense, endless)).rejects.toMatchObject({ code: 'ERR_NONNEG_ABORTED', cause: 'stop it' })
    expect(performance.now() - aborted).toBeLessThan(3000)
    const fit = await factorize(dense, { rank: 2, backend: id, maxIterations: 3 })
    expect(fit.iterations).toBe(3)
  })

  it('takes many fits on one signal without a warning', async context => {
    await presentOrSkip(id, context)
    const warnings: Error[] = []
    const heard = (warning: Error) => warnings.push(warning)
    process.on('warning', heard)
    const { signal } = new AbortController()
    const options: FactorizeOptions = { rank: 1, maxIterations: 2, solver: 'mu', backend: id, signal }
    const small = denseMatrix(5, 4)
    await Promise.all(Array.from({ length: 15 }, () => factorize(small, options)))
    await new Promise(resolve => setImmediate(resolve))
    process.off('warning', heard)
    expect(warnings).toEqual([])
  })

  it('returns the factors as they are when an abort is to return', async context => {
    await presentOrSkip(id, context)
    const controller = new AbortController()
    const fit = await factorize(sparse, {
      rank: 6,
      backend: id,
      tolerance: 0,
      maxIterations: 1e9,
      signal: controller.signal,
      onAbort: 'return',
      onProgress: ({ iteration }) => iteration === 5 && controller.abort(),
    })
    expect(fit.reason).toBe('aborted')
    expect(fit.iterations).toBeGreaterThanOrEqual(5)
    expect(fit.loss).toBeLessThanOrEqual(fit.history.at(-1)!.loss * (1 + 1e-4))
    expect(fit.W.data.every(value => value >= 0)).toBe(true)
  })

  it.for([
    ['dense', dense],
    ['sparse', sparse],
  ] as const)('transforms rows with the components held fixed: %s', async ([, X], context) => {
    await presentOrSkip(id, context)
    const options = { rank: 5, seed: 2, maxIterations: 60, tolerance: 0, solver: 'mu' } as const
    const transformed: DenseView[] = []
    for (const backend of [id, 'reference'] as const) {
      const model = await new NMF({ ...options, backend }).fit(X)
      const before = model.components.data.slice()
      transformed.push(await model.transform(X))
      expect(model.components.data).toEqual(before)
    }
    const [own, wanted] = transformed.map(view => view.data)
    let difference = 0
    let norm = 0
    for (let i = 0; i < wanted.length; i++) {
      difference += (own[i] - wanted[i]) ** 2
      norm += wanted[i] ** 2
    }
    expect(difference / norm).toBeLessThan(1e-5)
  })

  it.for([1e-30, 1e-20, 1e20, 1e30, 1e39])('does not care about the scale of X: %s', async (scale, context) => {
    await presentOrSkip(id, context)
    const data = Float64Array.from(dense.data, value => value * scale)
    const options = { ...hundred, maxIterations: 20, backend: id }
    const fit = await factorize({ data, rows: 150, columns: 90 }, options)
    const plain = await factorize(dense, options)
    expect(Math.abs(fit.relativeError - plain.relativeError) / plain.relativeError).toBeLessThan(1e-3)
    expect(Math.abs(fit.loss / plain.loss / scale ** 2 - 1)).toBeLessThan(2e-3)
    const product = fit.W.data[0] * fit.H.data[0]
    expect(product / (plain.W.data[0] * plain.H.data[0]) / scale).toBeCloseTo(1, 1)
  })

  it('leaves the input alone and takes shared memory', async context => {
    await presentOrSkip(id, context)
    const shared = new Float32Array(new SharedArrayBuffer(4 * dense.data.length))
    shared.set(dense.data)
    const fit = await factorize({ data: shared, rows: 150, columns: 90 }, { ...hundred, backend: id })
    expect(shared).toEqual(dense.data)
    expect(Math.abs(fit.loss - (await referenceFit(dense)).loss) / fit.loss).toBeLessThan(1e-4)
  })
})

/** What GPUs do not have. */
const BEYOND: Readonly<Record<'webgpu' | 'cuda', readonly (readonly [string, Partial<FactorizeOptions>, RegExp])[]>> = {
  webgpu: [
    ['f64', { dtype: 'f64' }, /f32 only.*give dtype: 'f32', or another backend/],
    ['exact least squares of many components', { solver: 'bpp', rank: 65 }, /up to 64 components, not for rank 65/],
    [
      'the same with a mask',
      { solver: 'bpp', rank: 65, mask: { holdout: 0.1 } },
      /up to 64 components, not for rank 65/,
    ],
  ],
  cuda: [
    ['f64', { dtype: 'f64' }, /f32/],
    ['another loss', { loss: 'kullback-leibler' }, /β = 1/],
    ['another solver', { solver: 'hals' }, /rule hals/],
    ['penalties', { alphaW: 0.1 }, /penalties/],
    ['a mask', { mask: { holdout: 0.1 } }, /masks/],
  ],
}

describe.each(['webgpu', 'cuda'] as const)('%s', id => {
  it.for(BEYOND[id])('refuses what it cannot do by name, with the reason: %s', async ([, options, reason], context) => {
    await presentOrSkip(id, context)
    const fit = factorize(dense, { rank: 2, backend: id, ...options })
    await expect(fit).rejects.toMatchObject({
      code: 'ERR_NONNEG_NO_BACKEND',
      message: expect.stringMatching(reason),
    })
  })
})
