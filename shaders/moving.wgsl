// How much of a row moves: before the text of the kernels that move rows, whose Params have `moving` and `frozen`, and which
// bind `holds`.

// Components of row i of the dispatch that move: the first so many, and none of a row that stays. The flags of the rows begin at
// p.frozen of `holds`, behind numbers of other use; 0: all rows move.
fn moving_of(i: u32) -> u32 {
  return select(p.moving, 0, p.frozen > 0 && holds[p.frozen + i] != 0);
}
