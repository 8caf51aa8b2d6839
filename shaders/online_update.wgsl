// The multiplicative update of a factor from the parts of a gradient that batch after batch has left, in place. Lefèvre, Bach &
// Févotte, WASPAA 2011, algorithm 1; as scikit-learn's MiniBatchNMF.
//
// One thread an entry. N and P may come in parts that are added here; P has one row for all where P_stride is 0. Stands
// behind moving.wgsl and parts.wgsl.

override WORKGROUP: u32 = 64;

// 2⁻⁶³: positive results below it become this bound.
const SMALLEST = 0x1p-63f;

struct Params {
  rows: u32,
  rank: u32,
  moving: u32, // the first so many components move
  N_parts: u32,
  N_part_length: u32,
  P_parts: u32,
  P_part_length: u32,
  P_stride: u32,
  frozen: u32, // where flags of rows that stay begin
  gamma: f32,
  l1: f32,
  l2: f32,
  most: f32,
  keep: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> P: array<f32>;
@group(0) @binding(3) var<storage, read> holds: array<f32>;
@group(0) @binding(4) var<storage, read_write> F: array<f32>;
@group(0) @binding(5) var<storage, read_write> A: array<f32>;
@group(0) @binding(6) var<storage, read_write> B: array<f32>;

// q^e; the exponents of most losses are 1, ½ and 2.
fn power(q: f32, e: f32) -> f32 {
  if (e == 1) {
    return q;
  }
  if (e == 0.5) {
    return sqrt(q);
  }
  if (e == 2) {
    return q * q;
  }
  return pow(q, e);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let i = at / p.rank;
  let r = at % p.rank;
  if (i >= p.rows || r >= moving_of(i)) {
    return;
  }
  let n = sum_of_N(at);
  let push = sum_of_P(i * p.P_stride + r);
  let old = F[at];
  let a = p.keep * A[at] + power(old, 1 / p.gamma) * n;
  let b = p.keep * B[at] + push + p.l1 + p.l2 * old;
  A[at] = a;
  B[at] = b;
  if (a > 0 && b > 0) {
    F[at] = min(max(power(a / b, p.gamma), SMALLEST), p.most);
  } else {
    F[at] = 0;
  }
}
