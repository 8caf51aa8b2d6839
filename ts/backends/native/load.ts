import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { environment } from '../../core/environment.js'
import { ADDON_ABI, type Addon } from './addon.js'

export type LoadedAddon =
  | { readonly addon: Addon; readonly path: string }
  | { readonly addon: undefined; readonly reason: string; readonly fix: string }

/** The command that builds the addon in an installed package. */
export const BUILD_COMMAND = 'npx nonneg build-native'

const absent = (reason: string, fix: string): LoadedAddon => ({ addon: undefined, reason, fix })

/** A file of the package, wherever in it this code lies: in ts/, in a test's bundle, or in a chunk of dist/. */
function packageFile(name: string): string {
  let folder = path.dirname(fileURLToPath(import.meta.url))
  while (!existsSync(path.join(folder, 'package.json')) && folder !== path.dirname(folder))
    folder = path.dirname(folder)
  return path.join(folder, name)
}

/** Why the last attempt to build it failed, as scripts/build-native.mjs wrote it down. */
function buildFailure(): { reason?: string; fix?: string } {
  try {
    return JSON.parse(readFileSync(packageFile('build/native-status.json'), 'utf8'))
  } catch {
    return {}
  }
}

function load(file: string, fix: string): LoadedAddon {
  if (!existsSync(file)) return absent(`there is no native addon at ${file}`, fix)
  try {
    const addon = createRequire(import.meta.url)(file) as Addon
    if (addon.abi === ADDON_ABI) return { addon, path: file }
    return absent('the native addon was built from another version of the package', fix)
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n')
    return absent(`the native addon could not be loaded: ${first}`, fix)
  }
}

/**
 * The addon at NONNEG_NATIVE_PATH, else the package's own build; or the reason why there is none. Loading is left to
 * Node's module cache, so that it happens once in a process. Never throws.
 */
export function loadAddon(): LoadedAddon {
  if (environment('NONNEG_NATIVE') === 'off') return absent('switched off by NONNEG_NATIVE=off', 'unset NONNEG_NATIVE')
  const override = environment('NONNEG_NATIVE_PATH')
  if (override) return load(override, 'correct or unset NONNEG_NATIVE_PATH')
  const own = packageFile('build/Release/nonneg.node')
  if (existsSync(own)) return load(own, BUILD_COMMAND)
  const { reason, fix } = buildFailure()
  if (reason) return absent(`the native addon was not built: ${reason}`, fix ?? BUILD_COMMAND)
  return absent('the native addon is not built: packages of npm bring none', BUILD_COMMAND)
}
