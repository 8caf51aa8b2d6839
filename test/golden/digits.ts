import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { DenseInput } from '../../ts/node.js'

/**
 * The first 300 of the 1797 handwritten digits of scikit-learn's `load_digits`, 8 × 8 grey values from 0 to 16 each, a row a
 * digit: "Optical Recognition of Handwritten Digits", Alpaydin & Kaynak, UCI Machine Learning Repository, CC BY 4.0. They are
 * the sample of the example page.
 */
export function digits(rows = 300): DenseInput {
  const file = path.join('examples', 'browser', 'samples', 'digits.csv')
  const lines = readFileSync(file, 'utf8').trim().split('\n').slice(0, rows)
  return { data: Float64Array.from(lines.flatMap(line => line.split(',').map(Number))), rows, columns: 64 }
}
