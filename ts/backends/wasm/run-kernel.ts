import type { Dims } from '../../kernels/spec.js'
import type { KernelBuffer } from '../backend.js'
import { BETA_RUNNERS, boundsOf } from './beta-runners.js'
import type { Heap, Views } from './heap.js'
import { bppScratch, type Dtype, HALS_SCRATCH, type Kernels, sgdScratch, sizeOf, svrmuScratch } from './kernels.js'
import type { Thread } from './thread.js'

/** What a kernel is run with. */
interface Call {
  readonly kernels: Kernels
  readonly dims: Dims
  /** Addresses of the buffers' windows. */
  readonly p: Readonly<Record<string, number>>
  /** Bytes of an element. */
  readonly size: number
  /** More memory; gone after the call. */
  scratch(bytes: number): number
  readonly views: Views
}

/** A kernel of ts/kernels in terms of the exports. */
export type Runner = (call: Call) => void

/** Every kernel of ts/kernels that this backend has. */
const RUNNERS: Readonly<Record<string, Runner>> = {
  ...BETA_RUNNERS,
  xht_dense({ kernels, dims, p, size, scratch }) {
    const { rows, columns, rank, stride } = dims
    // the specs give H transposed; the kernel reads it as rank × columns
    const H = scratch(size * rank * columns)
    kernels.transpose(columns, rank, p.Ht, size * rank, H, size * columns)
    kernels.xht_dense(rows, columns, rank, p.X, size * stride, H, size * columns, p.N, size * rank, 0)
  },
  xtw_dense({ kernels, dims: { rows, columns, rank, stride }, p, size }) {
    kernels.xtw_dense(rows, columns, rank, p.X, size * stride, p.W, size * rank, p.A, size * rank)
  },
  xht_csr({ kernels, dims: { rows, rank }, p, size }) {
    kernels.xht_csr(
      ...([rows, rank, p.indptr, p.indptr + 4, p.indices, p.values] as const),
      ...([p.Ht, size * rank, p.N, size * rank, 0] as const),
    )
  },
  gram({ kernels, dims: { rows, rank }, p, size }) {
    kernels.gram(rows, rank, p.F, size * rank, p.G, size * rank)
  },
  mu_update({ kernels, dims, p, size, scratch }) {
    const { rows, rank, l1, l2 } = dims
    const stride = size * rank
    const limits = boundsOf(dims)
    kernels.mu_update(rows, rank, p.F, stride, p.N, stride, p.G, stride, l1, l2, ...limits, scratch(4 * stride))
  },
  online_update({ kernels, dims, p, size }) {
    const { rows, rank, gamma, keep, l1, l2, shared } = dims
    const stride = size * rank
    kernels.online_update(
      ...([rows, p.F, stride, p.A, p.B, p.N, stride, p.P, shared ? 0 : stride, gamma, keep] as const),
      ...([l1, l2, ...boundsOf(dims)] as const),
    )
  },
  hals_update({ kernels, dims, p, size, scratch }) {
    const { rows, rank, l1, l2 } = dims
    const stride = size * rank
    const limits = boundsOf(dims)
    const more = scratch(HALS_SCRATCH * rank)
    kernels.hals_update(rows, rank, p.F, stride, p.N, stride, p.G, stride, l1, l2, ...limits, more, p.violation)
  },
  gram_bound({ kernels, dims: { rank }, p, size, scratch, views }) {
    views.f64[p.bound / 8] = kernels.gram_bound(rank, p.G, size * rank, scratch(16 * rank))
  },
  sgd_update({ kernels, dims, p, size, scratch }) {
    const { rows, rank, rate, scale, l1, l2, noise, seed, draw, first, limit, remember } = dims
    const stride = size * rank
    kernels.sgd_update(
      ...([rows, rank, p.F, stride, p.N, stride, p.G, stride, remember ? p.D : 0, rate, scale, l1, l2] as const),
      ...([noise, seed, draw, first, limit, ...boundsOf(dims), scratch(sgdScratch(stride)), p.sums] as const),
    )
  },
  svrmu_update({ kernels, dims, p, size, scratch }) {
    const { rows, rank, count, total, ratio, l1, l2 } = dims
    const stride = size * rank
    kernels.svrmu_update(
      ...([rows, rank, p.F, stride, p.N, p.M, stride, p.F0, p.A, p.G, p.K, p.S, stride] as const),
      ...([count, total, ratio, l1, l2, ...boundsOf(dims), scratch(svrmuScratch(stride))] as const),
    )
  },
  bpp_update({ kernels, dims, p, size, scratch }) {
    const { rows, rank, l1, l2 } = dims
    const stride = size * rank
    const limits = boundsOf(dims)
    const more = scratch(bppScratch(rank))
    kernels.bpp_update(rows, rank, p.F, stride, p.N, stride, p.G, stride, l1, l2, ...limits, more, p.violation)
  },
  extrapolate({ kernels, dims, p }) {
    const [, most] = boundsOf(dims)
    kernels.extrapolate(dims.length, p.F, p.P, dims.weight, most)
  },
  dot({ kernels, dims: { length }, p, views }) {
    views.f64[p.sum / 8] = kernels.dot(length, p.a, p.b)
  },
}

/** The kernels of ts/kernels that this backend has. */
export const KERNEL_NAMES: readonly string[] = Object.keys(RUNNERS)

/** Runs a kernel on copies of the buffers in wasm memory, guard zones included, and copies all of them back. */
export function runKernel(
  thread: Thread,
  heap: Heap,
  name: string,
  dtype: Dtype,
  dims: Dims,
  buffers: Readonly<Record<string, KernelBuffer>>,
): void {
  const { views } = thread
  const taken: number[] = []
  const scratch = (bytes: number) => {
    const address = heap.allocate(bytes)
    taken.push(address)
    return address
  }
  const bytesOf = ({ data }: KernelBuffer) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  try {
    const starts: Record<string, number> = {}
    const p: Record<string, number> = {}
    for (const [key, buffer] of Object.entries(buffers)) {
      starts[key] = scratch(buffer.data.byteLength)
      p[key] = starts[key] + buffer.offset * buffer.data.BYTES_PER_ELEMENT
      views.u8.set(bytesOf(buffer), starts[key])
    }
    RUNNERS[name]({ kernels: thread.kernels(dtype), dims, p, size: sizeOf(dtype), scratch, views })
    for (const [key, buffer] of Object.entries(buffers)) {
      bytesOf(buffer).set(views.u8.subarray(starts[key], starts[key] + buffer.data.byteLength))
    }
  } finally {
    for (const address of taken) heap.free(address)
  }
}
