// F ← F · (N / (P + l1 + l2·F))^gamma, the multiplicative update from both halves of the gradient, in place. Févotte & Idier,
// Neural Computation 2011, equation 4.1; gamma: table 2.
//
// One thread an entry. N and P may come in parts that are added here; P has one row for all where P_stride is 0. Stands
// behind moving.wgsl and parts.wgsl.

override WORKGROUP: u32 = 64;

// 2⁻⁶³: positive results below it become this bound.
const SMALLEST = 0x1p-63f;
// of `holds`: iterations that stand
const DONE = 5;

struct Params {
  rows: u32,
  rank: u32,
  moving: u32, // the first so many components move
  N_parts: u32,
  N_part_length: u32,
  P_parts: u32,
  P_part_length: u32,
  P_stride: u32,
  first_row: u32, // of F
  single: u32, // nothing moves before so many iterations stand
  frozen: u32, // where flags of rows that stay begin
  gamma: f32,
  l1: f32,
  l2: f32,
  most: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> P: array<f32>;
@group(0) @binding(3) var<storage, read> holds: array<f32>;
@group(0) @binding(4) var<storage, read_write> F: array<f32>;

// q^gamma; the exponents of most losses are 1 and ½.
fn stepped(q: f32) -> f32 {
  if (p.gamma == 1) {
    return q;
  }
  if (p.gamma == 0.5) {
    return sqrt(q);
  }
  return pow(q, p.gamma);
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
  if (i >= p.rows || r >= moving_of(i) || (p.single > 0 && holds[DONE] < f32(p.single))) {
    return;
  }
  let n = sum_of_N(at);
  let place = p.first_row * p.rank + at;
  let old = F[place];
  let denominator = sum_of_P(i * p.P_stride + r) + p.l1 + p.l2 * old;
  if (denominator > 0 && old > 0 && n > 0) {
    F[place] = min(max(old * stepped(n / denominator), SMALLEST), p.most);
  } else {
    F[place] = 0;
  }
}
