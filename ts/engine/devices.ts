import type { BackendId, Device } from '../backends/backend.js'
import { backendOf } from '../backends/registry.js'
import { NonnegError } from '../core/errors.js'

const open = new Map<string, Promise<Device>>()

const keyOf = (id: BackendId, threads: number) => `${id}:${threads}`

/** The device of a backend with so many threads; opened once and shared by all fits until `closeDevices`. */
export function openDevice(id: BackendId, threads: number): Promise<Device> {
  const key = keyOf(id, threads)
  let device = open.get(key)
  if (!device) {
    const backend = backendOf(id)
    if (!backend) throw new NonnegError('ERR_NONNEG_NO_BACKEND', `the ${id} backend is not part of this entry point`)
    device = backend.open({ threads })
    open.set(key, device)
    // a failed opening must not be remembered
    device.catch(() => open.delete(key))
  }
  return device
}

/** Forgets a device that failed, so that the next fit opens a fresh one. */
export async function dropDevice(id: BackendId, threads: number): Promise<void> {
  const device = open.get(keyOf(id, threads))
  open.delete(keyOf(id, threads))
  await device?.then(found => found[Symbol.asyncDispose]()).catch(() => {})
}

/**
 * Closes every device that fits have opened: worker threads end, GPU memory is given back. Nothing needs it to let a
 * process exit; long-lived programs call it when they are done with factorising. A later fit opens devices anew.
 */
export async function closeDevices(): Promise<void> {
  const devices = [...open.values()]
  open.clear()
  await Promise.all(devices.map(device => device.then(found => found[Symbol.asyncDispose]()).catch(() => {})))
}
