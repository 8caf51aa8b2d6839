// Before the text of kernels that find what a rounding has lost. Their Params have `zero`, which is 0.

// The same number, of which a compiler knows nothing: it would find that nothing is ever lost. Those of GPUs, and llvmpipe's, do.
fn opaque(x: f32) -> f32 {
  return bitcast<f32>(bitcast<u32>(x) ^ p.zero);
}
