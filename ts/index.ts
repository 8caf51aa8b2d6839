import { referenceBackend } from './backends/reference/backend.js'
import { registerBackends } from './backends/registry.js'
import { wasmBackend } from './backends/wasm/backend.js'
import { webgpuBackend } from './backends/webgpu/backend.js'

// looked for when it is wanted: what a CPU finishes first asks for no GPU
const nodeGpu = { find: async () => await (await import('./backends/webgpu/provider-node.js')).nodeGpu.find() }
registerBackends([webgpuBackend(nodeGpu), wasmBackend, referenceBackend])

export * from './api.js'
