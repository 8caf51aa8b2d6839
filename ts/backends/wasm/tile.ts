// The tile family: W·H of one tile of X after the other, turned into both halves of the gradient while it is in the
// cache. The columns phase reads the tiles transposed, and is then the same as the rows phase.

import {
  beginTotals,
  finishTotals,
  lossAt,
  moveByGradient,
  type Side,
  sideOf,
  totalsOfLane,
  visits,
} from './beta-family.js'
import { wantsWholeRows } from './beta-layout.js'
import { keep, moveOn } from './extrapolation.js'
import { violationsOf } from './rules.js'
import { isStopped, type Phase, type Steps, type Thread, type TileFit } from './thread.js'
import { loadWeights, loadX, type Placed, startRows, type Tile } from './tile-source.js'

type Buffers = Pick<TileFit['layout'], 'x' | 'v' | 'u' | 'push' | 'bend' | 'turned' | 'n' | 'p' | 'l' | 'scratch'>

function buffersOf(thread: Thread, { layout }: TileFit): Buffers {
  const further = thread.index * layout.threadBytes
  const { x, v, u, push, bend, turned, n, p, l, scratch } = layout
  const all = { x, v, u, push, bend, turned, n, p, l, scratch }
  return Object.fromEntries(Object.entries(all).map(([name, at]) => [name, at && at + further])) as unknown as Buffers
}

/** The model of a tile, and what the loss takes from it; what pushes back and curves it where their addresses are not 0. */
function terms(
  fit: TileFit,
  side: Side,
  tile: Tile,
  { u, scratch }: Buffers,
  data: Placed,
  weights: Placed,
  { push, bend, loss }: { readonly push: number; readonly bend: number; readonly loss: number },
): void {
  const { kernels, layout, spec } = fit
  const { paddedRank, stride, size } = layout
  const { F, O } = side
  const uStride = tile.stride * size
  const f = F.rows + tile.first * stride
  const o = O.across + tile.start * size
  // O is zero beyond its last column
  const whole = Math.ceil(tile.columns / 8) * 8
  kernels.wh_dense(tile.rows, whole, paddedRank, f, stride, o, O.acrossStride, u, uStride, scratch)
  kernels.beta_terms(
    ...([tile.rows, tile.columns, spec.beta, data.x, data.xStride, weights.x, weights.xStride] as const),
    ...([u, uStride, push, bend, loss] as const),
  )
}

/** Both halves of the gradient and the curvature of some rows, from tile to tile. */
function* products(
  thread: Thread,
  fit: TileFit,
  side: Side,
  buffers: Buffers,
  first: number,
  rows: number,
  loss: number,
  alone: boolean,
): Steps<void> {
  const { kernels, layout } = fit
  const { paddedRank, stride, size } = layout
  const shape = layout.tiles[side.factor]
  const { O } = side
  const { x, v, u, turned, n, p, l } = buffers
  const [push, bend] = alone ? [0, 0] : [buffers.push, buffers.bend]
  const [begin, end] = side.window ?? [0, side.columns]
  const cursors = startRows(fit, side, first, rows)
  for (let start = begin; start < end; start += shape.columns) {
    if (isStopped(fit)) return
    const columns = Math.min(shape.columns, end - start)
    const tile = { first, rows, start, columns, stride: shape.stride }
    const data = loadX(thread, fit, side, tile, cursors, x, turned)
    const weights = loadWeights(thread, fit, side, tile, v, turned)
    terms(fit, side, tile, buffers, data, weights, { push, bend, loss })
    if (!alone) {
      const o = O.across + start * size
      const uStride = shape.stride * size
      const add = start > begin ? 1 : 0
      kernels.xht_dense(rows, columns, paddedRank, u, uStride, o, O.acrossStride, n, stride, add)
      if (push !== 0) kernels.xht_dense(rows, columns, paddedRank, push, uStride, o, O.acrossStride, p, stride, add)
      // the norms lie as the first of two rows, the second of them zero
      const norms = O.norms + start * size
      if (bend !== 0) kernels.xht_dense(rows, columns, 2, bend, uStride, norms, O.acrossStride, l, 2 * size, add)
    }
    yield 'part'
  }
}

/** Coordinate descent or exact minima over some rows, whose tile is as wide as they are. */
function descend(
  thread: Thread,
  fit: TileFit,
  side: Side,
  buffers: Buffers,
  first: number,
  rows: number,
  violations: readonly number[],
  loss: number,
): void {
  const { kernels, layout, spec } = fit
  const { paddedRank, stride } = layout
  const { x, v, u, turned, scratch } = buffers
  const { F, O, l1, l2, columns } = side
  const tile = { first, rows, start: 0, columns, stride: layout.tiles[side.factor].stride }
  const data = loadX(thread, fit, side, tile, startRows(fit, side, first, rows), x, turned)
  const weights = loadWeights(thread, fit, side, tile, v, turned)
  for (const [round, violation] of violations.entries()) {
    const measured = round === 0 ? loss : 0
    for (const run of visits(fit, side, first, rows, measured)) {
      const further = run.first - first
      const ofX = data.x + further * data.xStride
      const ofV = weights.x && weights.x + further * weights.xStride
      const f = F.rows + run.first * stride
      const [moving, most] = run.limits
      if (spec.rule === 'bpp') {
        kernels.bpp_dense(
          ...([run.rows, columns, paddedRank, ofX, data.xStride, ofV, weights.xStride, O.rows, stride] as const),
          ...([f, stride, l1, l2, Math.min(layout.rank, moving), most, scratch, measured, violation] as const),
        )
        continue
      }
      kernels.cd_dense(
        ...([run.rows, columns, paddedRank, spec.beta, ofX, data.xStride, ofV, weights.xStride] as const),
        ...([O.across, O.acrossStride, f, stride, l1, l2, moving, most, u, measured, violation] as const),
      )
    }
  }
}

/** A lane's share of a phase over the rows of one side. */
function* moveRows(thread: Thread, fit: TileFit, side: Side, phase: Phase, lane: number): Steps<void> {
  const { layout, spec } = fit
  const buffers = buffersOf(thread, fit)
  const loss = lossAt(thread, fit, phase, lane)
  const violations = violationsOf(thread, fit, lane, phase)
  const most = layout.tiles[side.factor].rows
  beginTotals(thread, fit, lane)
  for (let first = side.bounds[lane]; first < side.bounds[lane + 1]; first += most) {
    if (isStopped(fit)) return
    const rows = Math.min(most, side.bounds[lane + 1] - first)
    if (phase === 'measure') {
      yield* products(thread, fit, side, buffers, first, rows, loss, true)
      continue
    }
    keep(thread, fit, side.stored, first, rows)
    if (wantsWholeRows(spec.rule)) {
      descend(thread, fit, side, buffers, first, rows, violations, loss)
    } else {
      for (const [round, violation] of violations.entries()) {
        yield* products(thread, fit, side, buffers, first, rows, round === 0 ? loss : 0, false)
        if (isStopped(fit)) return
        moveByGradient(thread, fit, side, first, rows, { ...buffers, lStride: 2 * layout.size }, violation)
      }
    }
    moveOn(thread, fit, side.stored, first, rows)
    finishTotals(thread, fit, side, lane, first, rows)
    yield 'part'
  }
}

export function* tilesOfRows(thread: Thread, fit: TileFit, phase: Phase, lane: number): Steps<void> {
  const side = sideOf(thread, fit, phase)
  if (phase === 'rowTotals') totalsOfLane(thread, fit, side, lane)
  else yield* moveRows(thread, fit, side, phase, lane)
}

export function* tilesOfColumns(thread: Thread, fit: TileFit, phase: Phase, lane: number): Steps<void> {
  const side = sideOf(thread, fit, phase)
  if (phase === 'columnTotals') totalsOfLane(thread, fit, side, lane)
  else yield* moveRows(thread, fit, side, phase, lane)
}
