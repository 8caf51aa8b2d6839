import { evaluateBeta, iterateBeta } from './beta-family.js'
import { blockColumns, blockRows } from './blocks.js'
import { entriesOfColumns, entriesOfRows } from './entries.js'
import { undoLane } from './extrapolation.js'
import type { Family } from './family.js'
import { gatherColumns, gatherRows } from './gather.js'
import { evaluateGram, iterateGram } from './gram.js'
import type { Scheme } from './layout.js'
import { panelColumns, panelRows } from './panels.js'
import { isByRows, type Phase, type SharedFit, type Steps, type Thread } from './thread.js'
import { tilesOfColumns, tilesOfRows } from './tile.js'

const gram = { iterate: iterateGram, evaluate: evaluateGram }
const beta = { iterate: iterateBeta, evaluate: evaluateBeta }

/** How the fits of every scheme work. */
export const FAMILIES: Readonly<Record<Scheme, Family>> = {
  panels: { rows: panelRows, columns: panelColumns, ...gram },
  blocks: { rows: blockRows, columns: blockColumns, ...gram },
  gather: { rows: gatherRows, columns: gatherColumns, ...gram },
  entries: { rows: entriesOfRows, columns: entriesOfColumns, ...beta },
  tiles: { rows: tilesOfRows, columns: tilesOfColumns, ...beta },
}

/** The share that one lane has in a phase. */
export function* runLane(thread: Thread, fit: SharedFit, phase: Phase, lane: number): Steps<void> {
  thread.clearSums(fit, lane)
  const family = FAMILIES[fit.layout.scheme]
  if (phase === 'undoRows' || phase === 'undoColumns') undoLane(thread, fit, phase, lane)
  else yield* isByRows(phase) ? family.rows(thread, fit, phase, lane) : family.columns(thread, fit, phase, lane)
}
