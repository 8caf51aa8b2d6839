import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { hold } from '../../bench/bout.js'
import { cudaBouts } from '../../bench/cuda/group.js'
import { DataFolder } from '../../bench/data.js'
import { madeUp, madeUpMatrix } from '../../bench/made-up.js'
import { parseFit } from '../../bench/problem.js'
import { denseView } from '../../ts/core/matrix.js'
import { presentOrSkip } from '../conformance/backends.js'
import { plainFit } from '../webgpu/plain.js'

const folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-cuda-bench-'))
afterAll(() => rmSync(folder, { recursive: true }))

// WebGPU's contestant looks inside the package and is bundled by `npm run bench` alone
const isScript = ({ command }: { readonly command: readonly string[] }) => !command[1].startsWith('build')

it('times emulated CUDA, which ends where a plain loop does, and goes on without libraries that are not there', async context => {
  await presentOrSkip('cuda', context)
  const [bout] = cudaBouts(new DataFolder(folder), 'emulated')
  const { rows, comparisons } = await hold({ ...bout, entrants: bout.entrants.filter(isScript) }, 1, () => 0)
  const [cuda, ...others] = rows
  expect(cuda).toMatchObject({ backend: 'cuda', status: 'measured' })
  expect(cuda.variant.endsWith('(emulated)')).toBe(cuda.emulated === true)
  if (cuda.emulated) expect(comparisons).toEqual([])
  const problem = parseFit(bout.problem)
  const { W, H } = madeUp(problem)
  const start = {
    X: madeUpMatrix(problem),
    squaredNorm: 1,
    W: denseView(W(), problem.rows, problem.rank),
    H: denseView(H(), problem.rank, problem.columns),
  }
  const loss = plainFit(start, bout.entrants[0].units!).losses.at(-1)!
  expect(cuda.loss! / loss).toBeCloseTo(1, 4)
  expect(others.map(({ backend }) => backend)).toEqual(['torch', 'torch', 'cupy', 'roofline', 'roofline'])
  expect(others.filter(({ status }) => status !== 'measured' && status !== 'absent')).toEqual([])
  for (const { loss: end } of others) expect((end ?? loss) / loss).toBeCloseTo(1, 4)
})
