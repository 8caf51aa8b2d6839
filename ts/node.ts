import { cudaBackend } from './backends/cuda/backend.js'
import { nativeBackend } from './backends/native/backend.js'
import { referenceBackend } from './backends/reference/backend.js'
import { registerBackends } from './backends/registry.js'
import { wasmBackend } from './backends/wasm/backend.js'
import { webgpuBackend } from './backends/webgpu/backend.js'
import { provideFiles } from './core/file-access.js'

// looked for when it is wanted: what a CPU finishes first asks for no GPU
const nodeGpu = { find: async () => await (await import('./backends/webgpu/provider-node.js')).nodeGpu.find() }
registerBackends([cudaBackend, nativeBackend, webgpuBackend(nodeGpu), wasmBackend, referenceBackend])
// looked for when they are wanted: most programs never save a model
const nodeFiles = async () => (await import('./data/model-files.js')).nodeFiles
provideFiles({
  read: async file => (await nodeFiles()).read(file),
  write: async (file, bytes) => (await nodeFiles()).write(file, bytes),
})

export * from './api.js'
