import { referenceBackend } from './backends/reference/backend.js'
import { registerBackends } from './backends/registry.js'

registerBackends([referenceBackend])

export * from './api.js'
