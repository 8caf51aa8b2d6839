import { dot } from './dot'

/** The largest ‖F_i‖² among the rows of F; 0 where there are none. */
export function largest_norm(rows: usize, rank: usize, f: usize, fStride: usize): f64 {
  let largest: f64 = 0
  for (let i: usize = 0; i < rows; i++, f += fStride) largest = max<f64>(largest, dot(rank, f, f))
  return largest
}
