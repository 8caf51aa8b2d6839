import { environment } from '../../core/environment.js'
import { NonnegError } from '../../core/errors.js'
import { SUBGROUPS } from './features.js'
import type { WebgpuOptions } from './options.js'

/** The smallest that a subgroup is anywhere. */
const SMALLEST = 4

const VARIABLE = 'NONNEG_WEBGPU_SUBGROUPS'

/** What a caller wants: true demands subgroups, false does without, undefined takes them where they are. */
export interface Wish {
  readonly subgroups: boolean | undefined
  /** What says so. */
  readonly by: string
}

/** @throws NonnegError ERR_NONNEG_OPTION for a variable that is not understood */
export function wishOf({ subgroups }: WebgpuOptions): Wish {
  if (subgroups !== undefined) return { subgroups, by: `webgpu.subgroups is ${subgroups}` }
  const variable = environment(VARIABLE)
  if (variable === undefined) return { subgroups, by: 'nothing' }
  const by = `${VARIABLE} is ${variable}`
  if (variable === 'on' || variable === 'off') return { subgroups: variable === 'on', by }
  throw new NonnegError('ERR_NONNEG_OPTION', `${VARIABLE} is "${variable}"; known are on and off`, {
    fix: `set ${VARIABLE} to on or off, or unset it`,
  })
}

/** @throws NonnegError ERR_NONNEG_BACKEND where subgroups are demanded of what has none */
export function checkWish({ subgroups, by }: Wish, features: ReadonlySet<string>): void {
  if (!subgroups || features.has(SUBGROUPS)) return
  throw new NonnegError('ERR_NONNEG_BACKEND', `${by}, and this GPU device has no feature ${SUBGROUPS}`, {
    detail: { feature: SUBGROUPS },
    fix: `Leave that out; a device of your own must be requested with requiredFeatures: ['${SUBGROUPS}'].`,
  })
}

/** What is said of subgroups by an adapter, or by a device. */
type Told = Pick<Partial<GPUAdapterInfo>, 'subgroupMinSize' | 'subgroupMaxSize'>

/** Threads that every subgroup has at least, a power of 2; 1 where subgroups are not there or not wanted. */
export function nearOf({ subgroups }: Wish, features: ReadonlySet<string>, { subgroupMinSize }: Told): number {
  if (subgroups === false || !features.has(SUBGROUPS)) return 1
  return subgroupMinSize || SMALLEST
}

/** The sizes that subgroups have, for people; false where there are none. */
export function sizesOf(features: ReadonlySet<string>, { subgroupMinSize, subgroupMaxSize }: Told): string | false {
  if (!features.has(SUBGROUPS)) return false
  const least = subgroupMinSize || SMALLEST
  const most = subgroupMaxSize || least
  return least === most ? `of ${least}` : `of ${least} to ${most}`
}
