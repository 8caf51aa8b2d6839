import type { Backend, BackendId } from './backend.js'

/** Every backend there is, fastest first. */
export const BACKEND_IDS: readonly BackendId[] = ['cuda', 'webgpu', 'native', 'wasm', 'reference']

const known = new Map<BackendId, Backend>()

/** Called by an entry point for the backends of its world (Node with addons, Node without, browser). */
export function registerBackends(backends: readonly Backend[]): void {
  for (const backend of backends) known.set(backend.id, backend)
}

/** The backend, or undefined where this entry point does not have it. */
export function backendOf(id: BackendId): Backend | undefined {
  return known.get(id)
}
