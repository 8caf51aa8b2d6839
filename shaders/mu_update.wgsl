// F ← F · (N / (F·G + l1 + l2·F)), the multiplicative update of a factor's rows. Lee & Seung, NIPS 2000, equation 4.
//
// A row's denominators need the whole old row while its entries change, so the new rows go to F_new: no barrier, and any
// rank fits. One thread owns ROWS rows × 4 ranks. N and G may come in parts (`N_parts` of N_part_length entries, `G_parts` of
// rank²) that are added here. Stands behind moving.wgsl and parts.wgsl.

override WORKGROUP: u32 = 64;
// Whether rank is a multiple of 4: then F4 and G4 are bound, else F and G.
override ALIGNED: bool = false;
// 4, which read what they need of G once, or 1: four times the threads, and a chain of loads that is a row's alone.
override ROWS: u32 = 4;

// 2⁻⁶³: positive results below it become this bound, so that the product of two entries is a normal number. That a result
// is positive its operands say, as it may itself round to zero.
const SMALLEST = 0x1p-63f;

struct Params {
  rows: u32,
  rank: u32,
  N_parts: u32,
  N_part_length: u32,
  G_parts: u32,
  moving: u32, // the first so many components move
  frozen: u32, // where flags of rows that stay begin
  l1: f32,
  l2: f32,
  most: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> F: array<f32>;
@group(0) @binding(2) var<storage, read> F4: array<vec4f>;
@group(0) @binding(3) var<storage, read> N: array<f32>;
@group(0) @binding(4) var<storage, read> G: array<f32>;
@group(0) @binding(5) var<storage, read> G4: array<vec4f>;
@group(0) @binding(6) var<storage, read> holds: array<f32>;
@group(0) @binding(7) var<storage, read_write> F_new: array<f32>;

fn load_F(i: u32, s: u32) -> vec4f {
  let at = i * p.rank + s;
  if (ALIGNED) {
    return F4[at / 4];
  }
  let inside = vec4u(s, s + 1, s + 2, s + 3) < vec4u(p.rank);
  return select(vec4f(), vec4f(F[at], F[at + 1], F[at + 2], F[at + 3]), inside);
}

fn load_G(s: u32, r: u32) -> vec4f {
  var sum = vec4f();
  for (var part = 0u; part < p.G_parts; part++) {
    let at = (part * p.rank + s) * p.rank + r;
    if (ALIGNED) {
      sum += G4[at / 4];
    } else {
      let inside = vec4<bool>(s < p.rank) & (vec4u(r, r + 1, r + 2, r + 3) < vec4u(p.rank));
      sum += select(vec4f(), vec4f(G[at], G[at + 1], G[at + 2], G[at + 3]), inside);
    }
  }
  return sum;
}

fn update(i: u32, r: u32, product: vec4f) {
  if (i >= p.rows) {
    return;
  }
  let at = i * p.rank + r;
  let numerator = sums_of_N(at);
  let old = load_F(i, r);
  let denominator = product + p.l1 + p.l2 * old;
  let alive = denominator > vec4f();
  let updated = old / select(vec4f(1), denominator, alive) * numerator;
  let positive = alive & (old > vec4f()) & (numerator > vec4f());
  let bounded = min(max(updated, vec4f(SMALLEST)), vec4f(p.most));
  let moves = vec4u(r, r + 1, r + 2, r + 3) < vec4u(moving_of(i));
  let result = select(old, select(vec4f(), bounded, positive), moves);
  F_new[at] = result.x;
  if (r + 1 < p.rank) {
    F_new[at + 1] = result.y;
  }
  if (r + 2 < p.rank) {
    F_new[at + 2] = result.z;
  }
  if (r + 3 < p.rank) {
    F_new[at + 3] = result.w;
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let rank_tiles = (p.rank + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let i = tile / rank_tiles * ROWS;
  let r = tile % rank_tiles * 4;
  if (i >= p.rows) {
    return;
  }
  // rows past the end repeat the last one and are not stored
  let last = p.rows - 1;
  let i1 = min(i + 1, last);
  let i2 = min(i + 2, last);
  let i3 = min(i + 3, last);
  var d0 = vec4f();
  var d1 = vec4f();
  var d2 = vec4f();
  var d3 = vec4f();
  for (var s = 0u; s < p.rank; s += 4) {
    let g0 = load_G(s, r);
    let g1 = load_G(s + 1, r);
    let g2 = load_G(s + 2, r);
    let g3 = load_G(s + 3, r);
    let f0 = load_F(i, s);
    d0 += f0.x * g0 + f0.y * g1 + f0.z * g2 + f0.w * g3;
    if (ROWS == 4) {
      let f1 = load_F(i1, s);
      let f2 = load_F(i2, s);
      let f3 = load_F(i3, s);
      d1 += f1.x * g0 + f1.y * g1 + f1.z * g2 + f1.w * g3;
      d2 += f2.x * g0 + f2.y * g1 + f2.z * g2 + f2.w * g3;
      d3 += f3.x * g0 + f3.y * g1 + f3.z * g2 + f3.w * g3;
    }
  }
  update(i, r, d0);
  if (ROWS == 4) {
    update(i + 1, r, d1);
    update(i + 2, r, d2);
    update(i + 3, r, d3);
  }
}
