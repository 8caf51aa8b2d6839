import { environment } from '../../core/environment.js'
import { NonnegError } from '../../core/errors.js'
import type { Backend, Device, Info, Probe } from '../backend.js'
import type { Addon } from '../native/addon.js'
import { loadAddon } from '../native/load.js'

type Found =
  | { readonly addon: Addon; readonly emulated: boolean; readonly info: Info }
  | { readonly addon: undefined; readonly reason: string; readonly fix: string; readonly info?: Info }

/** The addon with the CUDA device that it has opened, or what is missing for that. */
async function find(): Promise<Found> {
  const wish = environment('NONNEG_CUDA') ?? 'emulated'
  if (wish !== 'emulated') {
    const reason = `NONNEG_CUDA is "${wish}"; known is emulated`
    return { addon: undefined, reason, fix: 'unset NONNEG_CUDA, or set it to emulated' }
  }
  const loaded = loadAddon()
  if (!loaded.addon) return loaded
  const { available, emulated, reason, fix, info } = await loaded.addon.probeCuda()
  if (!available) return { addon: undefined, reason, fix, info }
  return { addon: loaded.addon, emulated, info }
}

/**
 * CUDA by way of the addon, which opens the driver library at run time. `NONNEG_CUDA_DEVICE` chooses among several
 * devices; `NONNEG_CUDA=emulated` takes the emulation on the CPU that a development build brings.
 */
export const cudaBackend: Backend = {
  id: 'cuda',
  async probe(): Promise<Probe> {
    const found = await find()
    if (!found.addon) return { available: false, reason: found.reason, fix: found.fix, info: found.info }
    return { available: true, emulated: found.emulated, info: found.info }
  },
  async open(): Promise<Device> {
    const found = await find()
    if (!found.addon) throw new NonnegError('ERR_NONNEG_BACKEND', found.reason, { fix: found.fix })
    const { CudaDevice } = await import('./device.js')
    return new CudaDevice(found.addon, found.emulated, found.info)
  },
}
