import type { Weights } from '../../backends/backend.js'
import type { FloatArray, MatrixView } from '../../core/matrix.js'
import { holdoutThreshold, mix } from '../../kernels/holdout.js'

/** Entries between two looks at the clock, however long the rows are. */
const PIECE = 1 << 14

/** A hold-out by the hash of ts/kernels/holdout.ts. */
export interface Hash {
  readonly fraction: number
  readonly seed: number
}

/** The weights of all entries on either side of a hold-out, added up; where there are none each counts once. */
export interface Sides {
  readonly observed: number
  readonly heldOut: number
}

/** Weights that are stored. */
export type Stored = Exclude<Weights, { kind: 'holdout' }>

/** Some entries of a row that follow one another. */
interface Piece {
  /** The hash of seed and row. */
  readonly key: number
  readonly threshold: number
  /** The place of the first in the list of weights, and in `indices`. */
  readonly at: number
  readonly count: number
  /** The column of the first, where there are no `indices`. */
  readonly column: number
  readonly indices: Uint32Array | undefined
}

/** Calls `each` with all entries that count, a piece at a time. */
function* inPieces(
  X: MatrixView,
  own: Stored | undefined,
  { fraction, seed }: Hash,
  each: (piece: Piece) => void,
): Generator<void, void> {
  const threshold = holdoutThreshold(fraction)
  const listed = own?.kind === 'entries' && X.kind === 'csr' ? X : undefined
  const dense = own?.kind === 'dense' ? own : { offset: 0, stride: 0 }
  const indices = listed?.indices
  for (let row = 0, sinceYield = 0; row < X.rows; row++, sinceYield++) {
    const key = mix(mix(seed) + row)
    const first = listed ? listed.indptr[row] : dense.offset + row * dense.stride
    const entries = listed ? listed.indptr[row + 1] - first : X.columns
    for (let column = 0; column < entries; column += PIECE) {
      const count = Math.min(PIECE, entries - column)
      each({ key, threshold, at: first + column, count, column, indices })
      sinceYield += count
      if (sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
    // rows may be empty
    if (sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
}

// The loops are functions of their own: engines hardly optimise them inside a generator.

function countHeld({ key, threshold, count, column }: Piece): number {
  let held = 0
  for (let j = column; j < column + count; j++) if (mix(key + j) < threshold) held++
  return held
}

/** The weights of the piece, all and those held out. */
function addUp(weights: FloatArray, { key, threshold, at, count, column, indices }: Piece): [number, number] {
  let [all, held] = [0, 0]
  for (let p = 0; p < count; p++) {
    const weight = weights[at + p]
    all += weight
    if (mix(key + (indices ? indices[at + p] : column + p)) < threshold) held += weight
  }
  return [all, held]
}

/** Copies the weights on one side of the hold-out to `out`, from `to` on; the others stay 0 there. */
function copySide(weights: FloatArray, piece: Piece, heldOut: boolean, out: FloatArray, to: number): void {
  const { key, threshold, at, count, column, indices } = piece
  for (let p = 0; p < count; p++) {
    const held = mix(key + (indices ? indices[at + p] : column + p)) < threshold
    if (held === heldOut) out[to + p] = weights[at + p]
  }
}

/**
 * What counts of X under a hash, or with `complement` what it holds out, with the caller's own weights. Without those
 * nothing is stored; else as much as they take themselves.
 */
export function* weightsUnder(
  X: MatrixView,
  own: Stored | undefined,
  hash: Hash,
  complement: boolean,
): Generator<void, Weights> {
  if (!own) return { kind: 'holdout', ...hash, complement }
  if (own.kind === 'entries') {
    const values = new Float32Array(own.values.length)
    yield* inPieces(X, own, hash, piece => copySide(own.values, piece, complement, values, piece.at))
    return { kind: 'entries', values }
  }
  const { rows, columns } = own
  const data = new Float32Array(rows * columns)
  let to = 0
  yield* inPieces(X, own, hash, piece => {
    copySide(own.data, piece, complement, data, to)
    to += piece.count
  })
  return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
}

/** What losses on either side are divided by, to be those of one entry. */
export function* sidesUnder(X: MatrixView, own: Stored | undefined, hash: Hash): Generator<void, Sides> {
  let [all, held] = [own ? 0 : X.rows * X.columns, 0]
  const list = own?.kind === 'dense' ? own.data : own?.values
  yield* inPieces(X, own, hash, piece => {
    if (!list) {
      held += countHeld(piece)
      return
    }
    const sums = addUp(list, piece)
    all += sums[0]
    held += sums[1]
  })
  return { observed: all - held, heldOut: held }
}
