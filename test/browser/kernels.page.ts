// Runs in the browser: every kernel against the reference, and one fit.
import { webgpuBackend } from '../../ts/backends/webgpu/backend.js'
import { browserGpu } from '../../ts/backends/webgpu/provider-browser.js'
import { Random } from '../../ts/core/random.js'
import { kernels } from '../../ts/kernels/index.js'
import { type Arrays, problemString } from '../../ts/kernels/spec.js'
import { firstDifference } from '../conformance/compare.js'
import { guard, violations } from '../conformance/guarded.js'
import { dense, plainFit, problemOf, SPEC } from '../webgpu/plain.js'

export interface PageResult {
  readonly isolated: boolean
  readonly emulated: boolean
  readonly architecture: unknown
  readonly kernelsRun: string[]
  readonly faults: string[]
  readonly losses: number[]
  readonly expected: number[]
  readonly absent: unknown
}

const backend = webgpuBackend(browserGpu)
const device = await backend.open()
const faults: string[] = []
const kernelsRun = new Set<string>()
for (const spec of kernels) {
  for (const sizes of spec.problems) {
    if (!device.supportsKernel(spec, { ...sizes, nonzeros: 0 }).supported) continue
    kernelsRun.add(spec.name)
    for (const kind of ['exact', 'random'] as const) {
      const inputs = spec.fill(sizes, kind, new Random(23))
      const dims = { ...sizes, ...(inputs.indices ? { nonzeros: inputs.indices.length } : {}) }
      const expected: Arrays = {}
      for (const [name, values] of Object.entries(inputs)) expected[name] = values.slice()
      spec.reference(dims, expected)
      const before = guard(spec.buffers, inputs, 0)
      const actual = guard(spec.buffers, inputs, 0)
      await device.runKernel(spec, { dims, buffers: actual })
      const found = violations(spec.buffers, before, actual)
      const different = firstDifference({ spec, dims, kind, backend: device.backend, inputs, expected, actual })
      if (different) found.push(different)
      faults.push(...found.map(fault => `${problemString(spec, dims)} ${kind}: ${fault}`))
    }
  }
}

const problem = problemOf(dense(37, 29), 5)
const fit = await device.createFit(problem, SPEC(5))
const { losses } = await fit.run(8)
await fit[Symbol.asyncDispose]()
await device[Symbol.asyncDispose]()

// a browser without WebGPU
Object.defineProperty(globalThis.navigator, 'gpu', { value: undefined })

const result: PageResult = {
  isolated: globalThis.crossOriginIsolated,
  emulated: device.emulated,
  architecture: device.info.architecture,
  kernelsRun: [...kernelsRun],
  faults,
  losses: [...losses],
  expected: plainFit(problem, 8).losses,
  absent: await backend.probe(),
}
Object.assign(globalThis, { result })
