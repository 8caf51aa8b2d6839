import { updateExponent } from '../../kernels/beta.js'
import { entriesOfBatch } from './batch-entries.js'
import { gramOfBatch } from './batch-gram.js'
import { tilesOfBatch } from './batch-tiles.js'
import { muRatio } from './beta-calls.js'
import type { Call } from './calls.js'
import { familyFor } from './data.js'
import { boundsOf, type Setting } from './family.js'
import { stays } from './holds.js'
import type { Panel } from './plan.js'
import type { LossParts, Sum } from './rule-calls.js'

/** Both halves of a gradient as sums in parts. */
export interface Halves {
  readonly N: Sum
  readonly P: Sum
  /** Whether P has one row for all. */
  readonly shared: boolean
}

/** Lists of dispatches for some rows of X and W, which stand in no other row's way. */
export interface BatchProducts {
  /** Once, before these rows of W move. */
  readonly begin: readonly Call[]
  /** Before each of their moves, by these halves. */
  readonly forW: readonly Call[]
  readonly W: Halves
  /** The loss of these rows, into a slot: `constant` and what `parts` makes of the sums. */
  readonly loss: readonly Call[]
  readonly constant: number
  readonly parts: LossParts
  /** What these rows are for H's update. */
  readonly forH: readonly Call[]
  readonly Ht: Halves
}

const KINDS = { gram: gramOfBatch, entries: entriesOfBatch, tile: tilesOfBatch }

export function batchProducts(setting: Setting, rows: Panel): Promise<BatchProducts> {
  return KINDS[familyFor(setting.data, setting.spec.beta)](setting, rows)
}

/** The multiplicative update of these rows of W, in place. */
export function moveRows(setting: Setting, rows: Panel, { N, P, shared }: Halves): Call {
  const { spec, width, W } = setting
  const gamma = updateExponent(spec.beta)
  const own = { rows: rows.count, rank: width, gamma, bounds: boundsOf(spec).W, N, P, shared }
  return muRatio({ ...own, ...stays(setting, 'W', rows.first), firstRow: rows.first, F: { buffer: W[0] } })
}
