import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Results } from './schema.js'

/** Full results of one machine. */
export interface Measured {
  /** The file, with slashes. */
  readonly source: string
  readonly results: Results
}

/** The full results of machines other than that of a file, which lie beside it; those of GPUs have pages of their own. */
export function otherMachines(source: string): Measured[] {
  const folder = path.posix.dirname(source)
  return readdirSync(folder)
    .filter(name => /^(?!objective-).*-cores\.json$/.test(name) && name !== path.posix.basename(source))
    .sort()
    .map(name => {
      const file = path.posix.join(folder, name)
      return { source: file, results: JSON.parse(readFileSync(file, 'utf8')) as Results }
    })
}
