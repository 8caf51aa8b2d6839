import { readFileSync } from 'node:fs'
import type { CsrInput } from 'nonneg'

/** Packed dense X, or CSR, as `factorize` takes it. */
export type Matrix = { readonly data: Float32Array; readonly rows: number; readonly columns: number } | CsrMatrix

interface CsrMatrix extends CsrInput {
  readonly indptr: Uint32Array
  readonly indices: Uint32Array
  readonly values: Float32Array
}

/** A raw file as a buffer of its own, which arrays of any type fit on. */
export function readBuffer(file: string): ArrayBuffer {
  const bytes = readFileSync(file)
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
}

/** X from the files and sizes that the words of the protocol's `start` name. */
export function readMatrix(words: Readonly<Record<string, string | number>>): Matrix {
  const [rows, columns] = [Number(words.rows), Number(words.columns)]
  const read = (part: string) => readBuffer(String(words[part]))
  if (words.X) return { data: new Float32Array(read('X')), rows, columns }
  const [indptr, indices] = [new Uint32Array(read('indptr')), new Uint32Array(read('indices'))]
  return { indptr, indices, values: new Float32Array(read('values')), rows, columns }
}
