// The multiplicative update of H from a batch of rows with reduced variance, for rows of F = Hᵀ, in place. Kasai, ICASSP 2018
// (SVRMU).
//
// One thread an entry. The products with Gram matrices are there before any entry moves: P = F·G, R = F0·K and Q = F0·S. N, M
// and A may come in parts that are added here. Stands behind moving.wgsl.

override WORKGROUP: u32 = 64;

// 2⁻⁶³: positive results below it become this bound.
const SMALLEST = 0x1p-63f;

struct Params {
  rows: u32,
  rank: u32,
  moving: u32, // the first so many components move
  N_parts: u32, // M has as many
  N_part_length: u32,
  A_parts: u32,
  A_part_length: u32,
  frozen: u32, // where flags of rows that stay begin
  l1: f32,
  l2: f32,
  most: f32,
  count: f32,
  total: f32,
  ratio: f32,
  rest: f32, // 1 − ratio
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> M: array<f32>;
@group(0) @binding(3) var<storage, read> A: array<f32>;
@group(0) @binding(4) var<storage, read> P: array<f32>;
@group(0) @binding(5) var<storage, read> R: array<f32>;
@group(0) @binding(6) var<storage, read> Q: array<f32>;
@group(0) @binding(7) var<storage, read> holds: array<f32>;
@group(0) @binding(8) var<storage, read_write> F: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let i = at / p.rank;
  if (i >= p.rows || at % p.rank >= moving_of(i)) {
    return;
  }
  var n = R[at];
  var d = P[at];
  for (var part = 0u; part < p.N_parts; part++) {
    n += N[part * p.N_part_length + at];
    d += M[part * p.N_part_length + at];
  }
  var a = 0f;
  for (var part = 0u; part < p.A_parts; part++) {
    a += A[part * p.A_part_length + at];
  }
  let old = F[at];
  let numerator = n / p.count + a / p.total;
  let denominator = d / p.count + (Q[at] + p.l1 + p.l2 * old) / p.total;
  // that a result is positive its operands say, as it may itself round to zero
  if (denominator > 0 && old > 0 && (p.rest > 0 || numerator > 0)) {
    F[at] = min(max(p.rest * old + p.ratio * (old / denominator) * numerator, SMALLEST), p.most);
  } else {
    F[at] = 0;
  }
}
