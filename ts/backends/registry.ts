import type { Backend, BackendId } from './backend.js'

export { BACKEND_IDS } from './backend.js'

const known = new Map<BackendId, Backend>()

/** Called by an entry point for the backends of its world (Node with addons, Node without, browser). */
export function registerBackends(backends: readonly Backend[]): void {
  for (const backend of backends) known.set(backend.id, backend)
}

/** The backend, or undefined where this entry point does not have it. */
export function backendOf(id: BackendId): Backend | undefined {
  return known.get(id)
}
