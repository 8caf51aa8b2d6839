import { afterAll, type TestContext } from 'vitest'
import type { BackendId, Device, OpenOptions } from '../../ts/backends/backend.js'
import { BACKEND_IDS, backendOf } from '../../ts/backends/registry.js'
import { probeBackend } from '../../ts/engine/probe.js'
import '../../ts/node.js'

/** Backends whose absence is a failure: NONNEG_REQUIRE, a list of ids. */
export const required: readonly string[] = (process.env.NONNEG_REQUIRE ?? 'reference,wasm').split(',').filter(Boolean)

for (const id of required) {
  if (!BACKEND_IDS.includes(id as BackendId)) throw new Error(`NONNEG_REQUIRE names "${id}", which is no backend`)
}

/** Goes on where the backend is present, fails where it is required and absent, and otherwise skips with the reason. */
export async function presentOrSkip(id: BackendId, context: TestContext): Promise<void> {
  const report = await probeBackend(id)
  if (report.available) return
  if (required.includes(id)) throw new Error(`${id} is required and absent: ${report.reason} (${report.fix})`)
  context.skip(`absent: ${report.reason}`)
}

const devices = new Map<string, Promise<Device>>()

/** One device a backend and thread count for a whole test file. */
export function deviceOf(id: BackendId, options: OpenOptions = {}): Promise<Device> {
  const key = `${id}:${options.threads ?? ''}`
  let device = devices.get(key)
  if (!device) {
    device = backendOf(id)!.open(options)
    devices.set(key, device)
  }
  return device
}

afterAll(async () => {
  for (const device of devices.values()) await (await device)[Symbol.asyncDispose]()
  devices.clear()
})
