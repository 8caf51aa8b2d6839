// One kernel of the package on the size that its spec names for benchmarks, on one thread. A unit is one call. Only a
// backend that works on the caller's memory can be timed this way: elsewhere copies would be timed with it.
import { nativeBackend } from '../../ts/backends/native/backend.ts'
import { Random } from '../../ts/core/random.ts'
import { kernels } from '../../ts/kernels/index.ts'
import { Absent, serve, Unsupported } from './serve.mjs'

const ARRAYS = { f32: Float32Array, f64: Float64Array, u32: Uint32Array }

let device
let spec
let call

/** The spec's own random fill, in the types that a backend stores. */
function buffersOf(dims) {
  const filled = spec.fill(dims, 'random', new Random(1))
  const buffers = {}
  for (const { name, type, access } of spec.buffers) {
    const data = ARRAYS[type].from(filled[name])
    // a fill leaves outputs full of NaN; sums that a call adds to start from zero
    if (access === 'out') data.fill(0)
    buffers[name] = { data, offset: 0, length: data.length }
  }
  return buffers
}

await serve({
  async start({ kernel, threads }) {
    spec = kernels.find(({ name }) => name === kernel)
    if (!spec) throw new Unsupported(`there is no kernel ${kernel}`)
    const probe = await nativeBackend.probe()
    if (!probe.available) throw new Absent(probe.reason)
    device = await nativeBackend.open({ threads: Number(threads) })
    const support = device.supportsKernel(spec, spec.benchmark)
    if (!support.supported) throw new Unsupported(support.reason)
    const buffers = buffersOf(spec.benchmark)
    // sizes that follow from what was drawn, such as the number of non-zeros
    const drawn = buffers.indices ? { nonzeros: buffers.indices.length } : {}
    const dims = { ...spec.benchmark, ...drawn }
    call = { dims, buffers }
    return { variant: device.info.isa, flops: spec.flops(dims), bytes: spec.bytes(dims) }
  },
  async run(calls) {
    const begun = performance.now()
    for (let i = 0; i < calls; i++) await device.runKernel(spec, call)
    return (performance.now() - begun) / 1000
  },
})
