import { referenceBackend } from './backends/reference/backend.js'
import { registerBackends } from './backends/registry.js'
import { wasmBackend } from './backends/wasm/backend.js'
import { webgpuBackend } from './backends/webgpu/backend.js'
import { browserGpu } from './backends/webgpu/provider-browser.js'

registerBackends([webgpuBackend(browserGpu), wasmBackend, referenceBackend])

export * from './api.js'
