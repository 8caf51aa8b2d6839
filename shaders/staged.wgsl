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
override THREADS: u32 = ACROSS * DOWN;
override LEFTS: u32 = HEIGHT / 4 * DEPTH / 4; // blocks of 4 × 4 of the left side
override RIGHTS: u32 = DEPTH * WIDTH / 4; // vectors of the right side

var<workgroup> left_tile: array<vec4f, DEPTH * DOWN * ROWS / 4>;
var<workgroup> right_tile: array<vec4f, DEPTH * ACROSS * RANKS / 4>;

// What a thread loads of both sides' next terms, all on its way at once: up to two blocks of the left one and four vectors of the
// right one. To load them while the ones before are multiplied gained nothing on a GPU: it has other workgroups for that.
struct Loaded {
  left_0: mat4x4f,
  left_1: mat4x4f,
  right_0: vec4f,
  right_1: vec4f,
  right_2: vec4f,
  right_3: vec4f,
}

fn left_of(tile: u32, block: u32, first: u32, end: u32) -> mat4x4f {
  if (block >= LEFTS) {
    return mat4x4f();
  }
  let place = left_at(block);
  return load_left(tile, place.x, first + place.y, end);
}

fn right_of(at: u32, first_rank: u32, first: u32, end: u32) -> vec4f {
  let term = first + at / (WIDTH / 4);
  let r = first_rank + at % (WIDTH / 4) * 4;
  if (term >= end || r >= p.rank) {
    return vec4f();
  }
  return load_right(term, r);
}

fn loaded(tile: u32, first_rank: u32, lane: u32, first: u32, end: u32) -> Loaded {
  var all: Loaded;
  all.left_0 = left_of(tile, lane, first, end);
  if (LEFTS > THREADS) {
    all.left_1 = left_of(tile, lane + THREADS, first, end);
  }
  all.right_0 = right_of(lane, first_rank, first, end);
  if (RIGHTS > THREADS) {
    all.right_1 = right_of(lane + THREADS, first_rank, first, end);
  }
  if (RIGHTS > 2 * THREADS) {
    all.right_2 = right_of(lane + 2 * THREADS, first_rank, first, end);
    all.right_3 = right_of(lane + 3 * THREADS, first_rank, first, end);
  }
  return all;
}

// Where four rows lie among those of a term: what neighbouring threads store of other terms would else meet in the same banks
// of the memory. Of eight neighbours none leaves these eight.
fn turned(four: u32, term: u32) -> u32 {
  return four ^ (term / 4 % 4 * 2);
}

fn stage_left(block: u32, values: mat4x4f) {
  if (block >= LEFTS) {
    return;
  }
  let place = left_at(block);
  let to = place.y * HEIGHT / 4 + turned(place.x / 4, place.y);
  left_tile[to] = values[0];
  left_tile[to + HEIGHT / 4] = values[1];
  left_tile[to + HEIGHT / 2] = values[2];
  left_tile[to + 3 * HEIGHT / 4] = values[3];
}

fn stage(lane: u32, all: Loaded) {
  stage_left(lane, all.left_0);
  if (LEFTS > THREADS) {
    stage_left(lane + THREADS, all.left_1);
  }
  if (lane < RIGHTS) {
    right_tile[lane] = all.right_0;
  }
  if (RIGHTS > THREADS) {
    right_tile[lane + THREADS] = all.right_1;
  }
  if (RIGHTS > 2 * THREADS) {
    right_tile[lane + 2 * THREADS] = all.right_2;
    right_tile[lane + 3 * THREADS] = all.right_3;
  }
}

// sums + a·bᵀ, by rows
fn grown(sums: mat4x4f, a: vec4f, b: vec4f) -> mat4x4f {
  return mat4x4f(
    fma(vec4f(a.x), b, sums[0]),
    fma(vec4f(a.y), b, sums[1]),
    fma(vec4f(a.z), b, sums[2]),
    fma(vec4f(a.w), b, sums[3]),
  );
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
    stage(lane, loaded(tile, first_rank, lane, first, terms.y));
    workgroupBarrier();
    for (var next = 0u; next < DEPTH; next += 4) {
      let y = turned(thread.y, next);
      for (var term = next; term < next + 4; term++) {
        let left = term * HEIGHT / 4 + y;
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
