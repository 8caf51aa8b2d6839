// Tells whether a build step is up to date: a stamp holds the hash of everything that the step's output depends on.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { timed } from './say.mjs'

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..')

/** @param {string} place a file or folder below the root @returns {string[]} files, sorted */
export function filesUnder(place) {
  const full = path.join(root, place)
  if (!existsSync(full)) return []
  if (statSync(full).isFile()) return [place]
  return readdirSync(full, { withFileTypes: true })
    .flatMap(entry => filesUnder(path.join(place, entry.name)))
    .sort()
}

/** @param {string[]} inputs files and folders below the root @param {string[]} facts versions, flags */
export function hashOf(inputs, facts = []) {
  const hash = createHash('sha256')
  for (const fact of facts) hash.update(`${fact}\0`)
  for (const file of inputs.flatMap(filesUnder)) hash.update(`${file}\0`).update(readFileSync(path.join(root, file)))
  return hash.digest('hex')
}

/**
 * Runs `work`, and says so with its duration, unless its stamp matches and all outputs exist.
 * @param {{ name: string, what?: string, inputs: string[], facts?: string[], outputs: string[], work: () => unknown }} step
 * @returns {Promise<boolean>} whether it ran
 */
export async function step({ name, what = 'building', inputs, facts, outputs, work }) {
  const stamp = path.join(root, 'build', 'stamps', name)
  const hash = hashOf(inputs, facts)
  const fresh = existsSync(stamp) && readFileSync(stamp, 'utf8') === hash
  if (fresh && outputs.every(output => existsSync(path.join(root, output)))) return false
  await timed(name, what, work)
  mkdirSync(path.dirname(stamp), { recursive: true })
  writeFileSync(stamp, hash)
  return true
}
