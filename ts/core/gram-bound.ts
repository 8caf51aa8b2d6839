/** Power iterations; each tightens the bound, and any number of them makes a valid one. */
export const BOUND_ITERATIONS = 30

/** No entry of the iterate falls below this share of the largest: any positive vector bounds, zero does not. */
const LEAST = 2 ** -40

/**
 * A bound from above of the largest eigenvalue of a non-negative symmetric matrix G, rank × rank: for every positive v it is
 * at most max (Gv)ᵢ / vᵢ (Collatz 1942, Wielandt 1950), and v comes from power iterations on 1, 1, 1, … 0 where G is all zeros.
 */
export function gramBound(G: ArrayLike<number>, rank: number, iterations: number = BOUND_ITERATIONS): number {
  const v = new Float64Array(rank).fill(1)
  const product = new Float64Array(rank)
  for (let iteration = 0; ; iteration++) {
    let largest = 0
    for (let r = 0; r < rank; r++) {
      let sum = 0
      for (let s = 0; s < rank; s++) sum += G[r * rank + s] * v[s]
      product[r] = sum
      largest = Math.max(largest, sum)
    }
    if (largest === 0) return 0
    if (iteration === iterations) break
    for (let r = 0; r < rank; r++) v[r] = Math.max(product[r] / largest, LEAST)
  }
  let bound = 0
  for (let r = 0; r < rank; r++) bound = Math.max(bound, product[r] / v[r])
  return bound
}
