import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Results, Row } from '../schema.js'

const FOLDER = path.join('bench', 'results')

/** Backends on GPUs, whose results have files, and a page, of their own. */
export type GpuBackend = 'webgpu' | 'cuda'

/** `bench/results/webgpu-nvidia-geforce-rtx-4090.json`: one file for a kind of GPU, whose history is git's. */
export function gpuResultsFile(own: GpuBackend, rows: readonly Row[]): string {
  // the first row of every bout is a fit or a kernel of nonneg, which is called by its GPU alone
  const { variant = 'none' } = rows.find(({ backend, status }) => backend === own && status === 'measured') ?? {}
  const name = variant
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return path.join(FOLDER, `${own}-${name}.json`)
}

/** A file of results and where it lies, with forward slashes. */
export interface Sourced {
  readonly source: string
  readonly results: Results
}

/** Every committed file of a backend's results. */
export function gpuResults(own: GpuBackend): readonly Sourced[] {
  return readdirSync(FOLDER)
    .filter(name => name.startsWith(`${own}-`) && name.endsWith('.json'))
    .sort()
    .map(name => {
      const results: Results = JSON.parse(readFileSync(path.join(FOLDER, name), 'utf8'))
      return { source: `bench/results/${name}`, results }
    })
}
