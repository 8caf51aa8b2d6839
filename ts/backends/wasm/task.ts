import { gatherColumns, gatherRows } from './gather.js'
import { panelColumns, panelRows } from './panels.js'
import { isByRows, type Phase, type SharedFit, type Steps, type Thread } from './thread.js'
import { tileColumns, tileRows } from './tiles.js'

/** The share that one lane has in a phase. Lanes of a phase write to different places and may run at the same time. */
export function* runLane(thread: Thread, fit: SharedFit, phase: Phase, lane: number): Steps<void> {
  thread.begin(fit, phase, lane)
  const byRows = isByRows(phase)
  if ('byRow' in fit) yield* (byRows ? gatherRows : gatherColumns)(thread, fit, phase, lane)
  else if (fit.layout.scheme === 'panels') yield* (byRows ? panelRows : panelColumns)(thread, fit, phase, lane)
  else yield* (byRows ? tileRows : tileColumns)(thread, fit, phase, lane)
}

export function laneCount({ layout }: SharedFit, phase: Phase): number {
  return (isByRows(phase) ? layout.rowBounds : layout.columnBounds).length - 1
}
