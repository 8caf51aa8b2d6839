// G += Fᵀ·F for a tall factor F, rows × rank. Lee & Seung, NIPS 2000, equation 4 (denominator).
//
// In `main` one thread owns 4 × 4 entries of G and walks down the rows of its part; `staged` (staged.wgsl) shares what it
// loads among a workgroup. group.z cuts the rows into parts whose sums lie
// rank² apart: G is small, so its parts are the only source of parallel work.

override WORKGROUP: u32 = 64;
// Whether rank is a multiple of 4: then F4 is bound, else F.
override ALIGNED: bool = false;

struct Params {
  rows: u32,
  rank: u32,
  part_rows: u32,
  accumulate: u32, // 0: the old contents of G do not count
  first_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> F: array<f32>;
@group(0) @binding(2) var<storage, read> F4: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> G: array<f32>;

fn load_F(i: u32, r: u32) -> vec4f {
  let at = (p.first_row + i) * p.rank + r;
  if (ALIGNED) {
    return F4[at / 4];
  }
  let inside = vec4u(r, r + 1, r + 2, r + 3) < vec4u(p.rank);
  return select(vec4f(), vec4f(F[at], F[at + 1], F[at + 2], F[at + 3]), inside);
}

fn add_G(part: u32, q: u32, r: u32, g: vec4f) {
  if (q >= p.rank) {
    return;
  }
  let at = (part * p.rank + q) * p.rank + r;
  G[at] = g.x + select(0, G[at], p.accumulate != 0);
  if (r + 1 < p.rank) {
    G[at + 1] = g.y + select(0, G[at + 1], p.accumulate != 0);
  }
  if (r + 2 < p.rank) {
    G[at + 2] = g.z + select(0, G[at + 2], p.accumulate != 0);
  }
  if (r + 3 < p.rank) {
    G[at + 3] = g.w + select(0, G[at + 3], p.accumulate != 0);
  }
}

fn tiles_down() -> u32 {
  return (p.rank + HEIGHT - 1) / HEIGHT;
}

fn terms_of(part: u32) -> vec2u {
  return vec2u(part * p.part_rows, min(p.rows, (part + 1) * p.part_rows));
}

// Where in a tile a block of 4 ranks × 4 terms lies: neighbouring threads load neighbours of a row.
fn left_at(block: u32) -> vec2u {
  return 4 * vec2u(block % (HEIGHT / 4), block / (HEIGHT / 4));
}

fn load_four(i: u32, r: u32, end: u32) -> vec4f {
  if (i >= end || r >= p.rank) {
    return vec4f();
  }
  return load_F(i, r);
}

fn load_left(tile: u32, at: u32, i: u32, end: u32) -> mat4x4f {
  let q = tile * HEIGHT + at;
  return mat4x4f(load_four(i, q, end), load_four(i + 1, q, end), load_four(i + 2, q, end), load_four(i + 3, q, end));
}

fn load_right(i: u32, r: u32) -> vec4f {
  return load_F(i, r);
}

fn store(part: u32, tile: u32, at: u32, r: u32, sums: vec4f) {
  add_G(part, tile * HEIGHT + at, r, sums);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let rank_tiles = (p.rank + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let q = tile / rank_tiles * 4;
  let r = tile % rank_tiles * 4;
  if (q >= p.rank) {
    return;
  }
  let end = min(p.rows, (group.z + 1) * p.part_rows);
  var g0 = vec4f();
  var g1 = vec4f();
  var g2 = vec4f();
  var g3 = vec4f();
  for (var i = group.z * p.part_rows; i < end; i++) {
    let f = load_F(i, r);
    let e = load_F(i, q);
    g0 += e.x * f;
    g1 += e.y * f;
    g2 += e.z * f;
    g3 += e.w * f;
  }
  let all = array(g0, g1, g2, g3);
  for (var t = 0u; t < 4; t++) {
    add_G(group.z, q + t, r, all[t]);
  }
}
