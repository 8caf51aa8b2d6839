import { xtw_dense } from './xtw_dense'

/** G += Fᵀ·F; F is rows × rank. The transposed product with itself, so that both triangles get the same bits. */
export function gram(rows: usize, rank: usize, f: usize, fStride: usize, g: usize, gStride: usize): void {
  xtw_dense(rows, rank, rank, f, fStride, f, fStride, g, gStride)
}
