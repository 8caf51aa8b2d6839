// What peers written in JavaScript share: the start of a multiplicative Frobenius fit of dense float32 X.
import { fitArrays } from '../contestants/arrays.mjs'
import { Absent, Unsupported } from '../contestants/serve.mjs'

/** The matrices of the problem. @throws Unsupported for what these peers cannot express */
export function denseStart(words) {
  if (words.solver !== 'mu' || words.loss !== 'frobenius' || words.dtype !== 'f32' || !words.X) {
    throw new Unsupported('only the multiplicative Frobenius update of dense float32 X is written for this peer')
  }
  return fitArrays(words)
}

/** The transpose of a packed rows × columns array. */
export function transposed(data, rows, columns) {
  const out = new data.constructor(data.length)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j]
  return out
}

/** ½‖X − WH‖² in float64, entry by entry; H comes as columns × rank. */
export function frobeniusLoss({ X, rows, columns, rank }, W, Ht) {
  let sum = 0
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let product = 0
      for (let r = 0; r < rank; r++) product += W[i * rank + r] * Ht[j * rank + r]
      sum += (X.data[i * columns + j] - product) ** 2
    }
  }
  return sum / 2
}

/** A package that may not be installed. @param {string} name */
export async function packageOf(name) {
  try {
    return await import(name)
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Absent(`${name} is not installed`)
  }
}
