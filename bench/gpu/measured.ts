import { duration, machine, table } from '../report.js'
import { type Row, rowName } from '../schema.js'
import type { GpuBackend, Sourced } from './files.js'

/** Whether a backend's own rows come from a GPU. */
export function isReal(own: GpuBackend, { results }: Sourced): boolean {
  return results.rows.some(row => row.backend === own && row.status === 'measured' && !row.emulated)
}

export const time = ({ median, spread }: Row) => `${duration(median!)} ± ${duration(spread!)}`

/** `80 % of 150 GFLOP/s` */
export function shareOfPeak({ roofline }: Row): string {
  if (!roofline) return ''
  return `${(100 * roofline.share).toFixed(0)} % of ${roofline.value.toFixed(0)} ${roofline.unit}`
}

/** The GPU's name as its file has it, the file, and the machine. */
export function measuredHead({ results, source }: Sourced): string[] {
  const name = source.replace(/^.*\/[a-z]+-|\.json$/g, '')
  return [`### ${name}`, '', `From [${source}](../${source}).`, '', ...machine(results.environment), '']
}

/** Every row with its figures. */
export function measuredTable(rows: readonly Row[]): string[] {
  const cells = (row: Row) => [
    `\`${row.problem}\``,
    rowName(row),
    time(row),
    row.gflops?.toFixed(1) ?? '',
    row.gbs?.toFixed(1) ?? '',
    shareOfPeak(row),
  ]
  return table(['problem', 'who', 'median ± MAD', 'GFLOP/s', 'GB/s', 'of the peak'], rows.map(cells))
}
