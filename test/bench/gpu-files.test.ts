import path from 'node:path'
import { expect, it } from 'vitest'
import { gpuResultsFile, nothingMeasured } from '../../bench/gpu/files.js'
import { absentRow, measuredRow } from './results.js'

const folder = path.join('bench', 'results')
const peer = measuredRow({ backend: 'torch' })

it('calls a file by the GPU of the first row of nonneg that has times', () => {
  const rows = [absentRow({ backend: 'cuda' }), peer, measuredRow({ backend: 'cuda', variant: 'NVIDIA H100 80GB' })]
  expect(gpuResultsFile('cuda', rows)).toBe(path.join(folder, 'cuda-nvidia-h100-80gb.json'))
  expect(nothingMeasured('cuda', rows)).toBeUndefined()
})

it('keeps emulated WebGPU, whose drivers race each other, and no emulated CUDA', () => {
  const emulated = { variant: 'CPU (emulated)', emulated: true } as const
  const rows = [measuredRow({ backend: 'cuda', ...emulated }), measuredRow({ backend: 'webgpu', ...emulated })]
  expect(gpuResultsFile('cuda', rows)).toBeUndefined()
  expect(nothingMeasured('cuda', rows)).toBeUndefined()
  expect(gpuResultsFile('webgpu', rows)).toBe(path.join(folder, 'webgpu-cpu-emulated.json'))
})

it('has no file, and a reason, where only others were measured', () => {
  const none = (status: 'absent' | 'failed', reason: string) => [absentRow({ backend: 'cuda', status, reason }), peer]
  expect(gpuResultsFile('cuda', none('absent', 'no driver'))).toBeUndefined()
  expect(nothingMeasured('cuda', none('absent', 'no driver'))).toBe('CUDA is not here: no driver; nothing measured')
  expect(nothingMeasured('cuda', none('failed', 'a bug'))).toBe('CUDA: failed: a bug; nothing measured')
  expect(nothingMeasured('webgpu', [peer])).toBe('nothing measured of WebGPU: no row of it was asked for')
})
