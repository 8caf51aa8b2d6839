import { batchBeta, evaluateBeta, iterateBeta } from './beta-family.js'
import { blockColumns, blockRows } from './blocks.js'
import { entriesOfColumns, entriesOfRows } from './entries.js'
import { entriesBatchBounds } from './entries-layout.js'
import { undoLane } from './extrapolation.js'
import type { Family } from './family.js'
import { gatherColumns, gatherRows } from './gather.js'
import { evaluateGram, iterateGram } from './gram.js'
import { batchGram } from './gram-batches.js'
import { gramBatchBounds } from './gram-layout.js'
import type { Scheme } from './layout.js'
import { panelColumns, panelRows } from './panels.js'
import type { CsrArrays } from './source.js'
import { boundsLane } from './stochastic-rules.js'
import {
  type EntriesFit,
  type GramFit,
  isByRows,
  type Phase,
  type SharedFit,
  type Steps,
  type Thread,
  type TileFit,
} from './thread.js'
import { tilesOfColumns, tilesOfRows } from './tile.js'
import { tileBatchBounds } from './tile-layout.js'

/** The row pointers of some rows. */
function pointers({ indptr }: CsrArrays, first: number, count: number): Uint32Array {
  return indptr.subarray(first, first + count + 1)
}

const gram = {
  iterate: iterateGram,
  batch: batchGram,
  evaluate: evaluateGram,
  batchBounds: (fit: GramFit, first: number, count: number) =>
    gramBatchBounds(fit.layout, fit.byRow && pointers(fit.byRow, first, count), first, count),
}
const beta = { iterate: iterateBeta, batch: batchBeta, evaluate: evaluateBeta }
const entries = {
  ...beta,
  batchBounds: ({ layout, byRow }: EntriesFit, first: number, count: number) =>
    entriesBatchBounds(layout, pointers(byRow, first, count), first),
}
const tiles = {
  ...beta,
  batchBounds: ({ layout }: TileFit, first: number, count: number) => tileBatchBounds(layout, first, count),
}

/** How the fits of every scheme work. */
export const FAMILIES: Readonly<Record<Scheme, Family>> = {
  panels: { rows: panelRows, columns: panelColumns, ...gram },
  blocks: { rows: blockRows, columns: blockColumns, ...gram },
  gather: { rows: gatherRows, columns: gatherColumns, ...gram },
  entries: { rows: entriesOfRows, columns: entriesOfColumns, ...entries },
  tiles: { rows: tilesOfRows, columns: tilesOfColumns, ...tiles },
}

/** The share that one lane has in a phase. */
export function* runLane(thread: Thread, fit: SharedFit, phase: Phase, lane: number): Steps<void> {
  thread.clearSums(fit, lane)
  const family = FAMILIES[fit.layout.scheme]
  if (phase === 'undoRows' || phase === 'undoColumns') undoLane(thread, fit, phase, lane)
  else if (phase === 'bounds') yield* boundsLane(thread, fit as GramFit, lane)
  else yield* isByRows(phase) ? family.rows(thread, fit, phase, lane) : family.columns(thread, fit, phase, lane)
}
