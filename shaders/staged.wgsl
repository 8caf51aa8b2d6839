// A product whose tiles a workgroup stages in its own memory. It stands before the text of kernels that have a walk for each
// thread alone as well (`main`), and that say where their sides lie: `tiles_down`, `terms_of`, `left_at`, `load_left`,
// `load_right` and `store`. What it loads is aligned: see ALIGNED there.
//
// DOWN × ACROSS threads own HEIGHT × WIDTH entries of the product: each value that comes from memory serves WIDTH or HEIGHT
// multiply-adds in the place of 4, and each that comes from the workgroup's memory RANKS or ROWS. Both sides lie there term
// by term, so that a thread reads four neighbouring entries of either at once, and neighbouring threads read neighbours.
//
// A thread's own entries are up to four blocks of 4 × 4, each a variable by itself: memory of a function may not be as large
// as an override says, and an array indexed by a loop is kept in registers only where a compiler unrolls the loop. The
// conditions on ROWS and RANKS are decided when the pipeline is made, and with them which blocks there are.

override ACROSS: u32 = 8; // threads along the ranks
override DOWN: u32 = 8; // threads along the rows of the product
override ROWS: u32 = 8; // of a thread: 4 or 8
override RANKS: u32 = 8; // of a thread: 4 or 8
override DEPTH: u32 = 16; // terms of the sums that are staged at once, a multiple of 4
override HEIGHT: u32 = DOWN * ROWS;
override WIDTH: u32 = ACROSS * RANKS;

var<workgroup> left_tile: array<vec4f, DEPTH * DOWN * ROWS / 4>;
var<workgroup> right_tile: array<vec4f, DEPTH * ACROSS * RANKS / 4>;

// sums + a·bᵀ, by rows
fn grown(sums: mat4x4f, a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(sums[0] + a.x * b, sums[1] + a.y * b, sums[2] + a.z * b, sums[3] + a.w * b);
}

fn store_block(part: u32, tile: u32, row: u32, r: u32, sums: mat4x4f) {
  if (r >= p.rank) {
    return;
  }
  store(part, tile, row, r, sums[0]);
  store(part, tile, row + 1, r, sums[1]);
  store(part, tile, row + 2, r, sums[2]);
  store(part, tile, row + 3, r, sums[3]);
}

@compute @workgroup_size(ACROSS, DOWN)
fn staged(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_id) thread: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tiles_across = (p.rank + WIDTH - 1) / WIDTH;
  let at = group.y * groups.x + group.x;
  let tile = at / tiles_across;
  let first_rank = at % tiles_across * WIDTH;
  if (tile >= tiles_down()) {
    return;
  }
  let terms = terms_of(group.z);
  // row and rank blocks of a thread lie a workgroup's width apart, so that its neighbours' lie between
  var sums_00 = mat4x4f();
  var sums_01 = mat4x4f();
  var sums_10 = mat4x4f();
  var sums_11 = mat4x4f();
  for (var first = terms.x; first < terms.y; first += DEPTH) {
    for (var block = lane; block < HEIGHT / 4 * DEPTH / 4; block += ACROSS * DOWN) {
      let place = left_at(block);
      let values = load_left(tile, place.x, first + place.y, terms.y);
      let to = (place.y * HEIGHT + place.x) / 4;
      left_tile[to] = values[0];
      left_tile[to + HEIGHT / 4] = values[1];
      left_tile[to + HEIGHT / 2] = values[2];
      left_tile[to + 3 * HEIGHT / 4] = values[3];
    }
    for (var to = lane; to < DEPTH * WIDTH / 4; to += ACROSS * DOWN) {
      let term = first + to / (WIDTH / 4);
      let r = first_rank + to % (WIDTH / 4) * 4;
      var values = vec4f();
      if (term < terms.y && r < p.rank) {
        values = load_right(term, r);
      }
      right_tile[to] = values;
    }
    workgroupBarrier();
    for (var term = 0u; term < DEPTH; term++) {
      let left = term * HEIGHT / 4 + thread.y;
      let right = term * WIDTH / 4 + thread.x;
      let a = left_tile[left];
      let b = right_tile[right];
      sums_00 = grown(sums_00, a, b);
      if (RANKS == 8) {
        sums_01 = grown(sums_01, a, right_tile[right + ACROSS]);
      }
      if (ROWS == 8) {
        let below = left_tile[left + DOWN];
        sums_10 = grown(sums_10, below, b);
        if (RANKS == 8) {
          sums_11 = grown(sums_11, below, right_tile[right + ACROSS]);
        }
      }
    }
    workgroupBarrier();
  }
  let row = thread.y * 4;
  let r = first_rank + thread.x * 4;
  store_block(group.z, tile, row, r, sums_00);
  if (RANKS == 8) {
    store_block(group.z, tile, row, r + ACROSS * 4, sums_01);
  }
  if (ROWS == 8) {
    store_block(group.z, tile, row + DOWN * 4, r, sums_10);
    if (RANKS == 8) {
      store_block(group.z, tile, row + DOWN * 4, r + ACROSS * 4, sums_11);
    }
  }
}
