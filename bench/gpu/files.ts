import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Results, Row } from '../schema.js'

const FOLDER = path.join('bench', 'results')

/** Backends on GPUs, whose results have files, and a page, of their own. */
export type GpuBackend = 'webgpu' | 'cuda'

/** The first row of nonneg on this backend that has times: it is called by its device alone. */
const measuredBy = (own: GpuBackend, rows: readonly Row[]): Row | undefined =>
  rows.find(({ backend, status }) => backend === own && status === 'measured')

/**
 * `bench/results/webgpu-nvidia-geforce-rtx-4090.json`: one file for a kind of GPU, whose history is git's. None where
 * nothing was measured, and none of emulated CUDA, whose times nobody compares: drivers on the CPU race each other by
 * WebGPU alone.
 */
export function gpuResultsFile(own: GpuBackend, rows: readonly Row[]): string | undefined {
  const row = measuredBy(own, rows)
  if (!row || (own === 'cuda' && row.emulated)) return undefined
  const name = row.variant
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  return path.join(FOLDER, `${own}-${name}.json`)
}

const NAMES: Readonly<Record<GpuBackend, string>> = { webgpu: 'WebGPU', cuda: 'CUDA' }

/** Why a run of this backend's groups has no times of it, where it has none. */
export function nothingMeasured(own: GpuBackend, rows: readonly Row[]): string | undefined {
  if (measuredBy(own, rows)) return undefined
  const row = rows.find(({ backend }) => backend === own)
  if (!row) return `nothing measured of ${NAMES[own]}: no row of it was asked for`
  const what = row.status === 'absent' ? `${NAMES[own]} is not here` : `${NAMES[own]}: ${row.status}`
  return `${what}: ${row.reason}; nothing measured`
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
