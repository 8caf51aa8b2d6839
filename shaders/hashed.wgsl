// The weight of an entry of X that a hash of seed and place holds out, or keeps alone (ts/kernels/holdout.ts): before the text of
// kernels whose Params have the key, the threshold and which of the two it is. Stands behind mix.wgsl.

fn hashed(row: u32, column: u32) -> f32 {
  let held = mix_word(mix_word(p.key + row) + column) < p.threshold;
  return select(0f, 1f, held == (p.complement != 0));
}
