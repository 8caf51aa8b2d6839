import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DataFolder } from '../../bench/data.js'
import { powerLawCounts } from '../../bench/made-up.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-data-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const floats = (file: string) => {
  const bytes = readFileSync(file)
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
}

it('draws counts whose columns thin out, in ascending order without duplicates', () => {
  const [rows, columns, nonzeros] = [60, 400, 3000]
  const { indptr, indices, values } = powerLawCounts(rows, columns, nonzeros)
  expect(indptr[0]).toBe(0)
  expect(indptr[rows]).toBe(nonzeros)
  expect(values.every(value => value >= 1 && value <= 9 && Number.isInteger(value))).toBe(true)
  for (let i = 0; i < rows; i++) {
    for (let p = indptr[i] + 1; p < indptr[i + 1]; p++) expect(indices[p]).toBeGreaterThan(indices[p - 1])
  }
  const inHalf = (from: number) => indices.filter(j => j >= from && j < from + columns / 2).length
  expect(inHalf(0)).toBeGreaterThan(1.5 * inHalf(columns / 2))
})

it('writes the same bytes every time, with a start in the scale of X', () => {
  const problem = { rule: 'mu', dtype: 'f32', rows: 30, rank: 4, columns: 20 } as const
  const data = new DataFolder(path.join(folder, 'a'))
  const words = data.files(problem)
  const again = new DataFolder(path.join(folder, 'b')).files(problem)
  for (const name of ['X', 'W', 'H']) expect(readFileSync(again[name])).toEqual(readFileSync(words[name]))
  const [X, W, H] = [words.X, words.W, words.H].map(floats)
  expect([X.length, W.length, H.length]).toEqual([600, 120, 80])
  const mean = (values: Float32Array) => values.reduce((sum, value) => sum + value, 0) / values.length
  expect(4 * mean(W) * mean(H)).toBeGreaterThan(mean(X) / 2)
  expect(4 * mean(W) * mean(H)).toBeLessThan(mean(X) * 2)
  data.remove()
  expect(existsSync(words.X)).toBe(false)
})

it('writes the three arrays of sparse problems', () => {
  const problem = { rule: 'mu', dtype: 'f32', rows: 30, rank: 4, columns: 20, nonzeros: 90 } as const
  const words = new DataFolder(path.join(folder, 'c')).files(problem)
  expect(Object.keys(words).sort()).toEqual(['H', 'W', 'indices', 'indptr', 'values'])
  expect(readFileSync(words.indptr)).toHaveLength(4 * 31)
  expect(readFileSync(words.indices)).toHaveLength(4 * 90)
})
