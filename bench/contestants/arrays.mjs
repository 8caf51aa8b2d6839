import { readFileSync } from 'node:fs'

/** @template T @param {string} file @param {new (buffer: ArrayBuffer) => T} type @returns {T} */
function read(file, type) {
  const bytes = readFileSync(file)
  return new type(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

/** The matrices of a fit from the files that `start` names, as `factorize` takes them. @param {Record<string, string>} words */
export function fitArrays(words) {
  const [rows, rank, columns] = ['rows', 'rank', 'columns'].map(name => Number(words[name]))
  const X = words.X
    ? { data: read(words.X, Float32Array), rows, columns }
    : {
        indptr: read(words.indptr, Uint32Array),
        indices: read(words.indices, Uint32Array),
        values: read(words.values, Float32Array),
        rows,
        columns,
      }
  const W = { data: read(words.W, Float32Array), rows, columns: rank }
  const H = { data: read(words.H, Float32Array), rows: rank, columns }
  return { X, W, H, rows, rank, columns }
}
