import { NonnegError } from '../../ts/core/errors.js'
import type { MatrixView } from '../../ts/core/matrix.js'

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}

/** The bytes as a stream whose chunks have the sizes given, over and over. */
export async function* chunked(bytes: Uint8Array, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  for (let start = 0, turn = 0; start < bytes.length; turn++) {
    const size = sizes[turn % sizes.length]
    yield bytes.subarray(start, start + size)
    start += size
  }
}

/** Rows of numbers, for comparisons; sums up what is stored twice. */
export function rowsOf(X: MatrixView): number[][] {
  const rows = Array.from({ length: X.rows }, () => new Array<number>(X.columns).fill(0))
  for (let i = 0; i < X.rows; i++) {
    if (X.kind === 'dense') for (let j = 0; j < X.columns; j++) rows[i][j] = X.data[X.offset + i * X.stride + j]
    else for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) rows[i][X.indices[p]] += X.values[p]
  }
  return rows
}

/** The NonnegError that a promise rejects with; fails when it does anything else. */
export async function refusal(promise: Promise<unknown>): Promise<NonnegError> {
  const outcome = await promise.then(
    value => ({ value }),
    (error: unknown) => error,
  )
  if (outcome instanceof NonnegError) return outcome
  throw new Error(`expected a NonnegError, got ${outcome instanceof Error ? outcome.stack : JSON.stringify(outcome)}`)
}
