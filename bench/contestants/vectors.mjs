// One step of an optimizer over flat parameters that stay on the device, going on from the step before. A unit is one step.
import { nativeBackend } from '../../ts/backends/native/backend.ts'
import { wasmBackend } from '../../ts/backends/wasm/backend.ts'
import { vectorKernels } from '../../ts/kernels/vectors.ts'
import { Absent, serve, Unsupported } from './serve.mjs'

const BACKENDS = { native: nativeBackend, wasm: wasmBackend }

/** Values that stay among normal numbers for as many steps as a run takes. */
const START = { p: 1, g: 0.5, u: 0.25, rates: 1e-3, squares: 0.25 }

let vectors
let kernel
let scalars

await serve({
  async start({ kernel: name, length, backend, threads }) {
    kernel = vectorKernels.find(spec => spec.name === name)
    if (!kernel) throw new Unsupported(`there is no kernel ${name}`)
    const found = BACKENDS[backend]
    const probe = await found.probe()
    if (!probe.available) throw new Absent(probe.reason)
    const device = await found.open({ threads: Number(threads) })
    const spec = { kernels: [kernel] }
    const support = device.supportsOptimizer(Number(length), spec)
    if (!support.supported) throw new Unsupported(support.reason)
    vectors = await device.createOptimizer(Number(length), spec)
    for (const array of vectors.arrays) await vectors.fill(array, START[array] ?? 0.5)
    const { length: _, ...settings } = kernel.benchmark
    scalars = settings
    const dims = { ...settings, length: Number(length) }
    return { variant: device.info.isa ?? 'plain', flops: kernel.flops(dims), bytes: kernel.bytes(dims) }
  },
  async run(steps) {
    const begun = performance.now()
    for (let i = 0; i < steps; i++) await vectors.run(kernel, scalars)
    return (performance.now() - begun) / 1000
  },
})
