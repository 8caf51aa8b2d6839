import { describe, expect, it } from 'vitest'
import type { FitSpec } from '../../ts/backends/backend.js'
import { busRate, estimateSeconds } from '../../ts/engine/costs.js'
import { iterationFlops } from '../../ts/engine/flops.js'
import { rankBackends } from '../../ts/engine/ranking.js'
import { factorize } from '../../ts/node.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'

const X = denseMatrix(50, 30)
const S = sparseMatrix(50, 30, 10)
const [m, n, r] = [50, 30, 4]
const nonzeros = S.indptr[50]
const spec: FitSpec = { rank: r, beta: 2, rule: 'mu', dtype: 'f32' }
const holdout = { kind: 'holdout', fraction: 0.1, seed: 0 } as const

describe('flops of one iteration', () => {
  // Gram matrices, F·G and the quotient of the update, and the inner products of the loss
  const factors = 4 * (m + n) * r * r + 2 * (m + n) * r + 2 * (n * r + r * r)

  it('of the Gram family: two products with X, whatever the rule', () => {
    expect(iterationFlops({ X, spec })).toBe(4 * m * n * r + factors)
    expect(iterationFlops({ X: S, spec })).toBe(4 * nonzeros * r + factors)
    const hals = iterationFlops({ X, spec: { ...spec, rule: 'hals' } })
    expect(hals).toBe(4 * m * n * r + factors + 2 * (m + n) * r)
    expect(iterationFlops({ X, spec: { ...spec, rule: 'pg' } })).toBeGreaterThan(4 * m * n * r + factors)
    expect(iterationFlops({ X, spec: { ...spec, fixed: 'H' } })).toBeLessThan(0.55 * (4 * m * n * r + factors))
  })

  it('at the listed entries grow with them alone', () => {
    const listed = iterationFlops({ X: S, spec: { ...spec, beta: 1 } })
    expect(listed).toBe(2 * nonzeros * (2 + 4 * r) + 5 * (m + n) * r)
    const all = iterationFlops({ X: S, spec: { ...spec, beta: 1.5 } })
    expect(all).toBeGreaterThan(2 * m * n * 4 * r)
    const weights = { kind: 'entries', values: new Float32Array(nonzeros).fill(1) } as const
    expect(iterationFlops({ X: S, spec: { ...spec, beta: 1.5 }, weights })).toBeLessThan(all / 2)
  })

  it('of tiles: the model, then a product for each half of the gradient', () => {
    const pushed = iterationFlops({ X, spec: { ...spec, beta: 1.5 } })
    const shared = iterationFlops({ X, spec: { ...spec, beta: 1 } })
    expect(pushed - shared).toBe(2 * m * n * (2 * r + 1))
    expect(iterationFlops({ X, spec, weights: holdout })).toBe(pushed)
  })
})

it('float64 is estimated at half the speed, but for the reference', () => {
  const seconds = (id: 'native' | 'reference', dtype: 'f32' | 'f64') =>
    estimateSeconds(id, { X, spec: { ...spec, dtype } }, 1e6, 1e6, 1)
  expect(seconds('native', 'f64') / seconds('native', 'f32')).toBeCloseTo(2, 1)
  expect(seconds('reference', 'f64')).toBe(seconds('reference', 'f32'))
})

it('what an iteration sends counts where that takes longer than its work, which goes on beside it', () => {
  const [flops, iterations] = [1e9, 1000]
  const seconds = (sent: number) => estimateSeconds('webgpu', { X, spec }, flops, iterations, 1, sent)
  const work = seconds(0)
  const free = (flops / 1e9 / 600) * busRate('webgpu')
  expect(seconds(0.99 * free)).toBe(work)
  expect(seconds(3 * free) - work).toBeCloseTo((2 * flops * iterations) / 600e9, 6)
})

it('a backend that turns out to be slower than it seemed gives way to those that are faster than that', async () => {
  const asked: string[] = []
  const { ranking, answer } = await rankBackends(
    {
      estimatedSeconds: (id, _threads, said?: { seconds: number }) => said?.seconds ?? (id === 'wasm' ? 1 : 2),
      answer({ backend }) {
        asked.push(backend)
        return { seconds: backend === 'wasm' ? 3 : 2 }
      },
    },
    {},
  )
  expect(asked).toHaveLength(2)
  expect(asked[0]).toBe('wasm')
  expect(answer).toEqual({ seconds: 2 })
  expect(ranking.candidates[0].id).toBe(asked[1])
  expect(ranking.candidates.at(-1)).toEqual({ id: 'wasm', estimatedSeconds: 3, isAsked: true })
})

it('a plan says why a backend that is there does not do it', async () => {
  const fit = await factorize(X, { rank: 2, maxIterations: 2, loss: 'kullback-leibler', mask: { holdout: 0.1 } })
  const lines = fit.explain().split('\n')
  expect(lines).toContainEqual(expect.stringContaining(`${fit.backend}: chosen`))
  for (const { id } of fit.plan.refusals) expect(lines).toContainEqual(expect.stringContaining(`${id}: refused`))
  expect(fit.plan.candidates.map(({ id }) => id)).not.toContain('cuda')
  expect(fit.plan.candidates.map(({ id }) => id)).not.toContain('webgpu')
})
