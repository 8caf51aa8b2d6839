import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { cudaPage } from '../../bench/cuda/page.js'
import { GPU_PAGES, gpuBackendOf } from '../../bench/gpu/pages.js'
import { GROUPS, USUAL_GROUPS } from '../../bench/groups.js'
import { type Comparison, type Results, type Row, rowName } from '../../bench/schema.js'
import { absentRow, measuredRow, resultsOf } from './results.js'

const problem = 'mu:f32:3x2x4'
const row = (over: Partial<Row>) => measuredRow({ group: 'cuda', problem, threads: 1, ...over })
const cuda = row({ backend: 'cuda', variant: 'Some GPU' })
const torch = row({ backend: 'torch', variant: '2.0', median: 0.0022, loss: 12.25 })
const graph = row({ backend: 'torch', variant: '2.0 CUDA graph', median: 0.001 })
const cupy = absentRow({ group: 'cuda', problem, backend: 'cupy', variant: 'as it is', threads: 1, reason: 'no CuPy' })
const against = (other: Row, ratio: number, differs: boolean): Comparison => {
  return { problem, row: rowName(cuda), against: rowName(other), ratio, differs }
}
const pageOf = (results: Results) => cudaPage([{ source: 'bench/results/cuda-some-gpu.json', results }])

it('docs/cuda.md is what the results make', async () => {
  const { page, text } = GPU_PAGES.cuda
  const wanted = await text()
  if (process.env.NONNEG_WRITE_DOCS) writeFileSync(page, wanted)
  expect(readFileSync(page, 'utf8')).toBe(wanted)
})

it('says so where there are no figures of a GPU, also where there are those of others', () => {
  for (const emulated of [[], [{ ...cuda, emulated: true as const }], [{ ...cuda, emulated: true as const }, torch]]) {
    const page = pageOf(resultsOf({ rows: emulated }))
    expect(page).toContain('No figures of a GPU are published yet')
    expect(page).not.toContain('150 GFLOP/s')
  }
})

it('shows a line a problem, with how many times as long the others take, and who is missing', () => {
  const comparisons = [against(torch, 2, true), against(graph, 0.9, false)]
  const page = pageOf(resultsOf({ rows: [cuda, torch, graph, cupy], comparisons }))
  expect(page).not.toContain('No figures')
  expect(page).toContain('### some-gpu')
  expect(page).toContain(
    '| `mu:f32:3x2x4` | 1.10 ms ± 100.0 µs | 120 | 8 | 80 % of 150 GFLOP/s |  | 2.00× | (0.90×) | absent |',
  )
  expect(page).toContain('| `mu:f32:3x2x4` | 12.50000 |  | 12.25000 | 12.50000 |  |')
  expect(page).toContain('- cupy as it is ×1: absent, no CuPy')
})

it('gives a GPU’s groups, and no others, to its backend, and none of them to a run that names none', () => {
  expect(gpuBackendOf(['cuda'])).toBe('cuda')
  expect(gpuBackendOf(['webgpu', 'webgpu-race'])).toBe('webgpu')
  expect(gpuBackendOf(['cuda', 'webgpu'])).toBeUndefined()
  expect(gpuBackendOf(['native', 'cuda'])).toBeUndefined()
  const own = Object.values(GPU_PAGES).flatMap(({ groups }) => groups)
  expect(own.filter(name => USUAL_GROUPS.includes(name) || !Object.hasOwn(GROUPS, name))).toEqual([])
})
