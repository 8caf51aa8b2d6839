import type { BackendId, Device, OpenOptions } from '../backends/backend.js'
import { backendOf } from '../backends/registry.js'
import { NonnegError } from '../core/errors.js'
import { usesThreads } from './costs.js'

/** A device that fits and optimizers share, from the first that asks for it until `closeDevices` or its failure. */
interface Entry {
  readonly key: string
  readonly device: Promise<Device>
  users: number
  /** It failed: nobody new gets it, and it closes when its last user is done. */
  failed: boolean
}

const entries = new Map<string, Entry>()

/** What devices differ by: fits with the same share one. */
export interface DeviceOptions extends Required<Pick<OpenOptions, 'threads' | 'fast'>>, Pick<OpenOptions, 'webgpu'> {
  /** Fits in different lanes have devices of their own, for those that do the work of one fit after another. Default 0. */
  readonly lane?: number
}

/** Numbers of GPU devices that callers have passed in. */
const given = new WeakMap<object, number>()
let count = 0

function numberOf(device: object | undefined): number {
  if (!device) return 0
  const number = given.get(device) ?? ++count
  given.set(device, number)
  return number
}

function keyOf(id: BackendId, { threads, fast, lane = 0, webgpu }: DeviceOptions): string {
  if (id === 'webgpu')
    return `${id}:${numberOf(webgpu?.device)}:${webgpu?.memoryLimit ?? ''}:${webgpu?.subgroups ?? ''}`
  return usesThreads(id) ? `${id}:${threads}:${fast}:${lane}` : id
}

function entryOf(id: BackendId, options: DeviceOptions): Entry {
  const key = keyOf(id, options)
  const { threads, fast, webgpu } = options
  const found = entries.get(key)
  if (found) return found
  const backend = backendOf(id)
  if (!backend) throw new NonnegError('ERR_NONNEG_NO_BACKEND', `the ${id} backend is not part of this entry point`)
  const entry: Entry = {
    key,
    device: backend.open({ threads, fast, webgpu, startsLate: true }),
    users: 0,
    failed: false,
  }
  entries.set(key, entry)
  entry.device.then(
    ({ lost }) => lost?.then(() => fail(entry)),
    () => {},
  )
  return entry
}

/** Nobody new gets the device any more; it closes now, or with its last user. */
async function fail(entry: Entry): Promise<void> {
  entry.failed = true
  forget(entry)
  if (entry.users === 0) await close(entry)
}

function forget(entry: Entry): void {
  if (entries.get(entry.key) === entry) entries.delete(entry.key)
}

async function close(entry: Entry): Promise<void> {
  forget(entry)
  try {
    await (await entry.device)[Symbol.asyncDispose]()
  } catch {
    // it never opened, or it is gone: either was reported to who used it
  }
}

/** Whether an error says that a device is of no more use, rather than that one fit was too much for it. */
function isFatal(error: unknown): boolean {
  return (
    error instanceof NonnegError && (error.code === 'ERR_NONNEG_DEVICE_LOST' || error.code === 'ERR_NONNEG_BACKEND')
  )
}

/** A shared device that someone holds. */
export interface Loan {
  readonly device: Device
  /** Once, when it is not needed any more, with the error that ended its use if one did. */
  giveBack(failure?: unknown): Promise<void>
}

/**
 * The device of a backend; it is opened once and shared. After a failure that ends the device the next caller gets a fresh
 * one, while those who still use the old one hear of it from the device itself.
 */
export async function borrowDevice(id: BackendId, options: DeviceOptions): Promise<Loan> {
  const entry = entryOf(id, options)
  entry.users++
  let device: Device
  try {
    device = await entry.device
  } catch (error) {
    entry.users--
    forget(entry)
    throw error
  }
  const giveBack = async (failure?: unknown) => {
    if (isFatal(failure)) {
      entry.failed = true
      forget(entry)
    }
    entry.users--
    if (entry.failed && entry.users === 0) await close(entry)
  }
  return { device, giveBack }
}

/** Lends the device to `work`, as `borrowDevice` does, for as long as that takes. */
export async function withDevice<T>(
  id: BackendId,
  options: DeviceOptions,
  work: (device: Device) => Promise<T>,
): Promise<T> {
  const loan = await borrowDevice(id, options)
  let failure: unknown
  try {
    return await work(loan.device)
  } catch (error) {
    failure = error
    throw error
  } finally {
    await loan.giveBack(failure)
  }
}

/**
 * Closes every device that fits and optimizers have opened: worker threads end, GPU memory is given back. Nothing needs it
 * to let a process exit; long-lived programs call it when they are done with factorising. Fits that still run end with an
 * error or finish first, as the backend can, and steps of optimizers fail; later ones open devices anew.
 */
export async function closeDevices(): Promise<void> {
  await Promise.all([...entries.values()].map(close))
}

/** Closes the devices of a backend for these options that no fit uses at the moment. */
export async function closeIdle(id: BackendId, options: DeviceOptions): Promise<void> {
  const entry = entries.get(keyOf(id, options))
  if (entry?.users === 0) await close(entry)
}
