// Weights of the entries of a dense tile: before the text of kernels whose Params say where they come from. They are 1, a matrix V,
// or a hash of seed and place, the place turned where the tile's rows are columns of X. Stands behind hashed.wgsl.

fn weight(i: u32, j: u32) -> f32 {
  if (p.weights == 1) {
    return V[p.V_first + i * p.V_stride + j];
  }
  if (p.weights == 2) {
    let turned = p.turned != 0;
    return hashed(select(p.row + i, j, turned), select(j, p.row + i, turned));
  }
  return 1;
}
