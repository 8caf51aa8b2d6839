import { referenceBackend } from './backends/reference/backend.js'
import { registerBackends } from './backends/registry.js'
import { webgpuBackend } from './backends/webgpu/backend.js'
import { browserGpu } from './backends/webgpu/provider-browser.js'

registerBackends([webgpuBackend(browserGpu), referenceBackend])

export * from './api.js'
