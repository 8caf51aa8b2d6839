import type { Views } from './heap.js'

/**
 * The exports of wasm/vectors.ts: `(length, …arrays, scalars, sums, scratch)`, all of them but the first addresses in bytes.
 */
export type VectorKernels = Readonly<Record<string, (...addresses: number[]) => void>>

/** Bytes that one chunk's sums take, and that one thread needs for what fills no vector. */
export const SUM_BYTES = 32
export const SCRATCH_BYTES = 128

/** Entries that one call of a kernel does. The sums depend on it. */
const CHUNK = 1 << 15

/** One run of a kernel, in terms of wasm memory. */
export interface VectorTask {
  readonly kernel: string
  /** Addresses of the arrays, in the kernel's order. */
  readonly arrays: readonly number[]
  /** Address of the f64 scalars, and how many a group has. */
  readonly scalars: number
  readonly scalarCount: number
  /** Address of the chunks, three u32 each: group, first entry, entries. */
  readonly chunks: number
  readonly chunkCount: number
  /** Address of the chunks' sums. */
  readonly sums: number
}

/** The chunks of groups with these bounds, three numbers each; none crosses a bound. */
export function chunksOf(bounds: Float64Array): Uint32Array {
  const chunks: number[] = []
  for (let k = 0; k + 1 < bounds.length; k++) {
    for (let first = bounds[k]; first < bounds[k + 1]; first += CHUNK) {
      chunks.push(k, first, Math.min(CHUNK, bounds[k + 1] - first))
    }
  }
  return Uint32Array.from(chunks)
}

export function runChunk(
  kernels: VectorKernels,
  { u32 }: Views,
  task: VectorTask,
  chunk: number,
  scratch: number,
): void {
  const [group, first, count] = u32.subarray(task.chunks / 4 + 3 * chunk, task.chunks / 4 + 3 * chunk + 3)
  const arrays = task.arrays.map(address => address + 4 * first)
  const scalars = task.scalars + 8 * task.scalarCount * group
  kernels[task.kernel](count, ...arrays, scalars, task.sums + SUM_BYTES * chunk, scratch)
}

/** What a worker is started with. */
export interface VectorStart {
  readonly kind: 'start'
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  /** One word: the next chunk that nobody has taken. */
  readonly next: Int32Array
  readonly scratch: number
}

export interface VectorWork {
  readonly kind: 'work'
  readonly task: VectorTask
}

/** A worker's word that there are no more chunks to take, or why it gave up. */
export interface VectorReply {
  readonly failure: string | undefined
}
