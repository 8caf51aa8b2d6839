import type { Work } from './contestant.js'
import { deviation, median } from './median.js'
import { type Row, rowName, type Status } from './schema.js'

/** What rows are held against: arithmetic at the widest or at the given instruction set, or memory. */
export type Roof = 'arithmetic' | 'memory'
/** The roof of a row; `either`: the one that it comes closer to, which bounds it. */
export type Under = Roof | 'either'

/** What is known of a row before anything is timed. */
export type RowLabel = Pick<Row, 'group' | 'problem' | 'backend' | 'variant' | 'threads' | 'dtype' | 'unit'>

export interface Sampled {
  /** Seconds of one unit. */
  readonly samples: readonly number[]
  /** Of one unit. */
  readonly work: Work
  readonly loss: number | null
  readonly emulated: boolean
}

export function sampledRow(label: RowLabel, { samples, work, loss, emulated }: Sampled): Row {
  const middle = median(samples)
  const rate = (amount: number) => (amount > 0 ? amount / middle / 1e9 : null)
  return {
    ...label,
    ...(emulated ? { emulated: true as const } : {}),
    status: 'measured',
    reason: null,
    samples,
    median: middle,
    spread: deviation(samples),
    gflops: rate(work.flops),
    gbs: rate(work.bytes),
    roofline: null,
    loss,
  }
}

export function unsampledRow(label: RowLabel, status: Exclude<Status, 'measured'>, reason: string): Row {
  const none = { samples: [], median: null, spread: null, gflops: null, gbs: null, roofline: null, loss: null }
  return { ...label, status, reason, ...none }
}

function shareOf(row: Row, under: Roof, roofs: readonly { row: Row; roof: Roof }[]): Row['roofline'] {
  const [field, unit] = under === 'memory' ? (['gbs', 'GB/s'] as const) : (['gflops', 'GFLOP/s'] as const)
  // an emulation is no roof for hardware, nor the other way round
  const fits = (roof: Row) => roof.threads === row.threads && roof.emulated === row.emulated
  const fitting = roofs.filter(({ row: roof, roof: kind }) => kind === under && fits(roof))
  const best = fitting.map(({ row: roof }) => roof).sort((a, b) => (b[field] ?? 0) - (a[field] ?? 0))[0]
  const value = best?.[field]
  const rate = row[field]
  if (!value || rate === null) return null
  return { roof: `${rowName(best)}`, unit, value, share: rate / value }
}

/** The row with its share of the best roof that had as many threads. */
export function underRoof(row: Row, under: Under | undefined, roofs: readonly { row: Row; roof: Roof }[]): Row {
  if (row.status !== 'measured' || under === undefined) return row
  const kinds = under === 'either' ? (['arithmetic', 'memory'] as const) : [under]
  const shares = kinds.flatMap(kind => shareOf(row, kind, roofs) ?? [])
  return { ...row, roofline: shares.sort((a, b) => b.share - a.share)[0] ?? null }
}
