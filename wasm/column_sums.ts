import { at } from './simd'

/** sums[r] += Σ_i F[i,r]; F is rows × rank, the sums are f64. */
export function column_sums(rows: usize, rank: usize, f: usize, fStride: usize, sums: usize): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let r: usize = 0, sum = sums; r < rank; r++, sum += 8)
      store<f64>(sum, load<f64>(sum) + <f64>load<Real>(at(f, fStride, i, r)))
  }
}
