import type { Weights } from '../../backends/backend.js'
import type { MatrixView } from '../../core/matrix.js'
import { entriesOfRow, heldOut } from '../entries.js'

/** Entries between two looks at the clock, however long the rows are. */
const PIECE = 1 << 15

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

/**
 * What counts of X under a hash, or with `complement` what it holds out, with the caller's own weights. Without those
 * nothing is stored; else as much as they take themselves.
 */
export function* weightsUnder(
  X: MatrixView,
  own: Weights | undefined,
  { fraction, seed }: Hash,
  complement: boolean,
): Generator<void, Weights> {
  if (!own) return { kind: 'holdout', fraction, seed, complement }
  const counts = heldOut(fraction, seed, complement)
  if (own.kind === 'holdout') throw new TypeError('two hashes make no hash')
  if (own.kind === 'entries') {
    const { indptr, indices } = listed(X)
    const values = own.values.slice()
    for (let i = 0, sinceYield = 0; i < X.rows; i++, sinceYield++) {
      const row = counts(i)
      for (let p = indptr[i]; p < indptr[i + 1]; p++, sinceYield++) values[p] *= row(indices[p])
      if (sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
    return { ...own, values }
  }
  const { rows, columns, stride, offset } = own
  const data = new Float32Array(rows * columns)
  for (let i = 0, sinceYield = 0; i < rows; i++) {
    const row = counts(i)
    for (let j = 0; j < columns; j++) {
      data[i * columns + j] = own.data[offset + i * stride + j] * row(j)
      if (++sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
  }
  return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
}

/** What losses on either side are divided by, to be those of one entry. */
export function* sidesUnder(X: MatrixView, own: Weights | undefined, hash: Hash): Generator<void, Sides> {
  const held = heldOut(hash.fraction, hash.seed, true)
  const csr = own?.kind === 'entries' ? listed(X) : undefined
  const listedWeights = own?.kind === 'entries' ? own.values : undefined
  const denseWeights = own?.kind === 'dense' ? entriesOfRow({ ...own, kind: 'dense' }) : undefined
  const sums = [0, 0]
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const row = held(i)
    const weight = denseWeights?.(i)
    const end = csr ? csr.indptr[i + 1] : X.columns
    for (let p = csr ? csr.indptr[i] : 0; p < end; p++) {
      sums[row(csr ? csr.indices[p] : p)] += listedWeights ? listedWeights[p] : weight ? weight(p) : 1
      if (++sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
    // rows may be empty
    if (++sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
  return { observed: sums[0], heldOut: sums[1] }
}

function listed(X: MatrixView): Extract<MatrixView, { kind: 'csr' }> {
  if (X.kind === 'csr') return X
  throw new TypeError('a dense matrix lists no entries')
}
