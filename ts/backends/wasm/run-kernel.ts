import type { Dims } from '../../kernels/spec.js'
import type { KernelBuffer } from '../backend.js'
import type { Heap, Views } from './heap.js'
import type { Kernels } from './kernels.js'

/** A kernel of ts/kernels in terms of the exports; `p` has the addresses of its windows, `scratch` more memory. */
type Runner = (
  kernels: Kernels,
  dims: Dims,
  p: Readonly<Record<string, number>>,
  scratch: (bytes: number) => number,
  views: Views,
) => void

/** The specs give H transposed; the kernels of dense X read it as rank × columns. */
function rowsOfH(kernels: Kernels, { columns, rank }: Dims, Ht: number, scratch: (bytes: number) => number): number {
  const H = scratch(4 * rank * columns)
  kernels.transpose(columns, rank, Ht, 4 * rank, H, 4 * columns)
  return H
}

const RUNNERS: Readonly<Record<string, Runner>> = {
  xht_dense(kernels, dims, { X, Ht, N }, scratch) {
    const { rows, columns, rank, stride } = dims
    const H = rowsOfH(kernels, dims, Ht, scratch)
    kernels.xht_dense(rows, columns, rank, X, 4 * stride, H, 4 * columns, N, 4 * rank, 0)
  },
  xtw_dense(kernels, { rows, columns, rank, stride }, { X, W, A }) {
    kernels.xtw_dense(rows, columns, rank, X, 4 * stride, W, 4 * rank, A, 4 * rank)
  },
  xht_csr(kernels, { rows, rank }, { indptr, indices, values, Ht, N }) {
    kernels.xht_csr(rows, rank, indptr, indices, values, Ht, 4 * rank, N, 4 * rank, 0)
  },
  gram(kernels, { rows, rank }, { F, G }) {
    kernels.gram(rows, rank, F, 4 * rank, G, 4 * rank)
  },
  mu_update(kernels, { rows, rank }, { F, N, G }, scratch) {
    kernels.mu_update(rows, rank, F, 4 * rank, N, 4 * rank, G, 4 * rank, scratch(16 * rank))
  },
  dot(kernels, { length }, { a, b, sum }, _scratch, views) {
    views.f64[sum / 8] = kernels.dot(length, a, b)
  },
  sweep_dense(kernels, dims, { X, Ht, G, W, A, S }, scratch) {
    const { rows, columns, rank, stride } = dims
    const H = rowsOfH(kernels, dims, Ht, scratch)
    const N = scratch(4 * rows * rank)
    kernels.sweep_dense(rows, columns, rank, X, 4 * stride, H, 4 * columns, G, W, A, S, N, scratch(16 * rank))
  },
}

/** The kernels of ts/kernels that this backend has. */
export const KERNEL_NAMES: readonly string[] = Object.keys(RUNNERS)

/** Runs a kernel on copies of the buffers in wasm memory, guard zones included, and copies all of them back. */
export function runKernel(
  kernels: Kernels,
  views: Views,
  heap: Heap,
  name: string,
  dims: Dims,
  buffers: Readonly<Record<string, KernelBuffer>>,
): void {
  const taken: number[] = []
  const scratch = (bytes: number) => {
    const address = heap.allocate(bytes)
    taken.push(address)
    return address
  }
  const bytesOf = ({ data }: KernelBuffer) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  try {
    const starts: Record<string, number> = {}
    const windows: Record<string, number> = {}
    for (const [key, buffer] of Object.entries(buffers)) {
      starts[key] = scratch(buffer.data.byteLength)
      windows[key] = starts[key] + buffer.offset * buffer.data.BYTES_PER_ELEMENT
      views.u8.set(bytesOf(buffer), starts[key])
    }
    RUNNERS[name](kernels, dims, windows, scratch, views)
    for (const [key, buffer] of Object.entries(buffers)) {
      bytesOf(buffer).set(views.u8.subarray(starts[key], starts[key] + buffer.data.byteLength))
    }
  } finally {
    for (const address of taken) heap.free(address)
  }
}
