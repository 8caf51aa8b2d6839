// The hash of ts/kernels/holdout.ts, before the text of kernels that tell places in X, or draws, apart by it.

fn mix_word(word: u32) -> u32 {
  var x = word;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}
