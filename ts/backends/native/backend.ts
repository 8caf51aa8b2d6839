import { availableThreads, environment } from '../../core/environment.js'
import { NonnegError } from '../../core/errors.js'
import type { Backend, Device, Info, OpenOptions, Probe } from '../backend.js'
import type { Addon } from './addon.js'
import { NativeDevice } from './device.js'
import { loadAddon } from './load.js'

type Found =
  | { readonly addon: Addon; readonly isa: string; readonly info: Info }
  | { readonly addon: undefined; readonly reason: string; readonly fix: string }

/** The addon with the instruction set that NONNEG_ISA asks for, by default the fastest. */
function find(): Found {
  const loaded = loadAddon()
  if (!loaded.addon) return loaded
  const { addon } = loaded
  const chosen = addon.chooseIsa(environment('NONNEG_ISA') ?? '')
  if ('reason' in chosen) {
    const fix = `set NONNEG_ISA to one of ${addon.isas.join(', ')}, or unset it`
    return { addon: undefined, reason: `NONNEG_ISA: ${chosen.reason}`, fix }
  }
  return { addon, isa: chosen.isa, info: { isa: chosen.isa, isas: addon.isas, compiler: addon.compiler } }
}

function threadCount(options: OpenOptions): number {
  const threads = options.threads ?? Number(environment('NONNEG_THREADS') ?? Math.min(64, availableThreads()))
  if (Number.isInteger(threads) && threads >= 1) return threads
  throw new NonnegError('ERR_NONNEG_OPTION', `the number of threads must be a whole number from 1, not ${threads}`)
}

/** C++ on the CPU's vector units and threads, by way of the addon that `npx nonneg build-native` compiles. */
export const nativeBackend: Backend = {
  id: 'native',
  async probe(): Promise<Probe> {
    const found = find()
    if (!found.addon) return { available: false, reason: found.reason, fix: found.fix }
    return { available: true, emulated: false, info: found.info }
  },
  async open(options: OpenOptions = {}): Promise<Device> {
    const found = find()
    if (!found.addon) throw new NonnegError('ERR_NONNEG_BACKEND', found.reason, { fix: found.fix })
    return new NativeDevice(found.addon, found.isa, threadCount(options), found.info)
  },
}
