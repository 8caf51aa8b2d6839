import { cudaBackend } from './backends/cuda/backend.js'
import { nativeBackend } from './backends/native/backend.js'
import { referenceBackend } from './backends/reference/backend.js'
import { registerBackends } from './backends/registry.js'
import { wasmBackend } from './backends/wasm/backend.js'
import { webgpuBackend } from './backends/webgpu/backend.js'
import { nodeGpu } from './backends/webgpu/provider-node.js'

registerBackends([cudaBackend, nativeBackend, webgpuBackend(nodeGpu), wasmBackend, referenceBackend])

export * from './api.js'
