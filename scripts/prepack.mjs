#!/usr/bin/env node
// Before `npm pack` and `npm publish`: builds what the package holds, and the PTX of the CUDA kernels, which lets people
// without nvcc build an addon that knows CUDA. Packing goes on without the PTX, publishing does not.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { build } from './build.mjs'
import { root } from './lib/stamp.mjs'

const publishing = process.env.npm_command === 'publish'

try {
  await build({ native: publishing ? 'require' : 'auto' })
  const args = ['--build', path.join(root, 'build', 'native'), '--target', 'nonneg_cuda_ptx']
  const done = spawnSync('cmake', args, { encoding: 'utf8' })
  if (done.status !== 0) {
    const cause = done.error?.message ?? (done.stderr || done.stdout).trim().split('\n').at(-1)
    const problem = `the PTX of the CUDA kernels was not made: ${cause}`
    if (publishing) throw new Error(problem)
    process.stderr.write(`${problem}; the package is packed without it\n`)
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = 1
}
