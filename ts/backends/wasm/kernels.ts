import type { Views } from './heap.js'

/** The exports of wasm/index.ts. Addresses and strides are in bytes and may exceed 2³¹; flags are 0 or 1. */
export interface Kernels {
  add(length: number, from: number, to: number): void
  dot(length: number, a: number, b: number): number
  gram(rows: number, rank: number, f: number, fStride: number, g: number, gStride: number): void
  mu_update(
    rows: number,
    rank: number,
    f: number,
    fStride: number,
    n: number,
    nStride: number,
    g: number,
    gStride: number,
    scratch: number,
  ): void
  sweep_dense(
    rows: number,
    columns: number,
    rank: number,
    x: number,
    xStride: number,
    h: number,
    hStride: number,
    g: number,
    w: number,
    a: number,
    s: number,
    n: number,
    scratch: number,
  ): void
  transpose(rows: number, columns: number, from: number, fromStride: number, to: number, toStride: number): void
  xht_csr(
    rows: number,
    rank: number,
    indptr: number,
    indices: number,
    values: number,
    ht: number,
    htStride: number,
    n: number,
    nStride: number,
    add: number,
  ): void
  xht_dense(
    rows: number,
    columns: number,
    rank: number,
    x: number,
    xStride: number,
    h: number,
    hStride: number,
    n: number,
    nStride: number,
    add: number,
  ): void
  xtw_dense(
    rows: number,
    columns: number,
    rank: number,
    x: number,
    xStride: number,
    w: number,
    wStride: number,
    a: number,
    aStride: number,
  ): void
}

/** The import of the memory ("env", "memory", kind 2) up to its flags: 3 has a maximum and is shared, 1 is not shared. */
const IMPORT = [3, 0x65, 0x6e, 0x76, 6, 0x6d, 0x65, 0x6d, 0x6f, 0x72, 0x79, 2]

/**
 * The module's bytes from the base64 that the build made. A module is for shared or for unshared memory, and nothing
 * but one flag of its import says which: no kernel uses atomics, so clearing it is all that pages without
 * cross-origin isolation need.
 */
export function moduleBytes(base64: string, shared: boolean): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(atob(base64), character => character.charCodeAt(0))
  if (shared) return bytes
  const start = bytes.findIndex((_, i) => IMPORT.every((byte, j) => bytes[i + j] === byte))
  if (start < 0 || bytes[start + IMPORT.length] !== 3) throw new Error('the wasm module does not import shared memory')
  bytes[start + IMPORT.length] = 1
  return bytes
}

export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Kernels {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Kernels
}

/** Bytes that `warmUp` works on. */
export const WARM_UP_BYTES: number = 32 << 10

/**
 * V8 starts with its baseline compiler, at a fifth of the speed, and does not change over inside a running call: so the
 * kernels are called often enough on something tiny to be optimised before the first real call.
 */
export function warmUp(kernels: Kernels, views: Views, base: number): void {
  views.u8.fill(0, base, base + WARM_UP_BYTES)
  const [rows, columns, rank] = [4, 64, 8]
  const [x, f, g] = [base, base + 4096, base + 8192]
  const [n, h, scratch, indptr] = [base + 12288, base + 16384, base + 24576, base + 28672]
  // one row of 16 entries, all of them X[0, 0] = 0
  views.u32[indptr / 4 + 1] = 16
  for (let i = 0; i < 400; i++) {
    kernels.sweep_dense(rows, columns, rank, x, 256, h, 256, g, f, n, g, n, scratch)
    kernels.xht_csr(1, 56, indptr, x, x, h, 224, n, 224, 0)
    kernels.transpose(columns, rank, f, 32, h, 256)
    kernels.add(columns, f, n)
    kernels.dot(columns, f, n)
  }
}
