import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Results, Row } from '../schema.js'

const FOLDER = path.join('bench', 'results')
const PREFIX = 'webgpu-'

/** `bench/results/webgpu-nvidia-geforce-rtx-4090.json`: one file for a kind of GPU, whose history is git's. */
export function gpuResultsFile(rows: readonly Row[]): string {
  // the first row of every bout is a fit or a kernel of nonneg, which is called by its GPU alone
  const { variant = 'none' } = rows.find(({ backend, status }) => backend === 'webgpu' && status === 'measured') ?? {}
  const name = variant
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return path.join(FOLDER, `${PREFIX}${name}.json`)
}

/** A file of results and where it lies, with forward slashes. */
export interface Sourced {
  readonly source: string
  readonly results: Results
}

/** Every committed file of results of WebGPU. */
export function gpuResults(): readonly Sourced[] {
  return readdirSync(FOLDER)
    .filter(name => name.startsWith(PREFIX) && name.endsWith('.json'))
    .sort()
    .map(name => {
      const results: Results = JSON.parse(readFileSync(path.join(FOLDER, name), 'utf8'))
      return { source: `bench/results/${name}`, results }
    })
}
