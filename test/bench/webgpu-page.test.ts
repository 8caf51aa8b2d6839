import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { gpuPage } from '../../bench/gpu/page.js'
import { GPU_PAGES } from '../../bench/gpu/pages.js'
import { muIteration, NAMED_GPUS, predict, predictIteration } from '../../bench/gpu/predictions.js'
import type { Results } from '../../bench/schema.js'
import { measuredRow, resultsOf } from './results.js'

const emulated = measuredRow({ group: 'webgpu', backend: 'webgpu', variant: 'SwiftShader (emulated)', emulated: true })
const real = measuredRow({ group: 'webgpu', backend: 'webgpu', variant: 'GeForce', problem: 'mu:f32:3x2x4' })
const pageOf = (results: Results) => gpuPage([{ source: 'bench/results/webgpu-some.json', results }])

it('docs/webgpu.md is what the specs and the results make', async () => {
  const { page, text } = GPU_PAGES.webgpu
  const wanted = await text()
  if (process.env.NONNEG_WRITE_DOCS) writeFileSync(page, wanted)
  expect(readFileSync(page, 'utf8')).toBe(wanted)
})

it('shows figures of GPUs alone, and says so where there are none', async () => {
  const without = await pageOf(resultsOf({ rows: [emulated] }))
  expect(without).toContain('Nobody has measured it on a GPU yet')
  expect(without).not.toContain('150 GFLOP/s')
  const both = await pageOf(resultsOf({ rows: [emulated, real] }))
  expect(both).not.toContain('Nobody has measured')
  expect(both).toContain('### some')
  expect(both.split('80 % of 150 GFLOP/s')).toHaveLength(2)
  expect(both).toContain('mu:f32:3x2x4')
})

it('names the bound that a roofline has, and adds dispatches up', async () => {
  const gpu = { name: 'a', teraflops: 10, bandwidth: 100, source: 'b' }
  expect(predict({ flops: 1e13, bytes: 1e10 }, gpu)).toEqual({ seconds: 1, bound: 'arithmetic' })
  expect(predict({ flops: 1e12, bytes: 1e11 }, gpu)).toEqual({ seconds: 1, bound: 'memory' })
  const dispatches = await muIteration(2000, 32, 1000)
  // a product, its update, both products of H, its update, the Gram matrix of H and its sum, and the loss
  expect(dispatches.length).toBeLessThanOrEqual(8)
  const products = dispatches.filter(({ kernel }) => kernel === 'xht_dense' || kernel === 'xtw_dense')
  expect(products.map(({ flops }) => flops)).toEqual([2 * 64e6, 2 * 64e6 + 2 * 2000 * 32 * 32])
  for (const { bytes } of products) expect(bytes).toBeGreaterThan(8e6)
  for (const one of NAMED_GPUS) {
    const slowest = Math.max(...dispatches.map(work => predict(work, one).seconds))
    expect(predictIteration(dispatches, one)).toBeGreaterThan(slowest)
  }
})
