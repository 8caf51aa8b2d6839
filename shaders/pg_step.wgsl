// A projected gradient step of the rows of a factor, in place, from both halves of the gradient and a bound of the loss's
// curvature. Lin, Neural Computation 2007, equation 13, with a step from the curvature instead of a line search.
//
// One thread owns 4 entries of a row. N and P may come in parts that are added here; P has one row for all where P_stride is
// 0. The bound of row i is the sum of `L_terms` values of L, L_step apart, from i·L_stride on: one of its own, or with
// L_stride 0 one for all, as the trace of a Gram matrix is. Stands behind moving.wgsl and
// parts.wgsl.

override WORKGROUP: u32 = 64;

// 2⁻⁶³: results below it become zero.
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
  L_terms: u32,
  L_step: u32,
  L_stride: u32,
  first_term: u32, // where the threads' violations go
  measure: u32, // 0: they stay as they are
  single: u32, // nothing moves before so many iterations stand
  frozen: u32, // where flags of rows that stay begin
  step: f32,
  l1: f32,
  l2: f32,
  most: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> P: array<f32>;
@group(0) @binding(3) var<storage, read> L: array<f32>;
@group(0) @binding(4) var<storage, read> holds: array<f32>;
@group(0) @binding(5) var<storage, read_write> F: array<f32>;
@group(0) @binding(6) var<storage, read_write> terms: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let rank_tiles = (p.rank + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let i = tile / rank_tiles;
  let first = tile % rank_tiles * 4;
  if (i >= p.rows || (p.single > 0 && holds[DONE] < f32(p.single))) {
    return;
  }
  var bend = p.l2;
  let curvature = i * p.L_stride;
  var term = 0u;
  for (; term + 4 <= p.L_terms; term += 4) {
    let at = curvature + term * p.L_step;
    bend += (L[at] + L[at + p.L_step]) + (L[at + 2 * p.L_step] + L[at + 3 * p.L_step]);
  }
  for (; term < p.L_terms; term++) {
    bend += L[curvature + term * p.L_step];
  }
  let last = min(first + 4, moving_of(i));
  let pulls = sums_of_N(i * p.rank + first);
  var violation = 0f;
  for (var r = first; r < last; r++) {
    let at = i * p.rank + r;
    let old = F[at];
    let gradient = sum_of_P(i * p.P_stride + r) - pulls[r - first] + p.l1 + p.l2 * old;
    // the part of the gradient that points into [0, most]
    let rising = select(gradient, max(0, gradient), old >= p.most);
    violation += abs(select(rising, min(0, gradient), old <= 0));
    if (bend > 0) {
      let moved = old - p.step / bend * gradient;
      F[at] = select(min(moved, p.most), 0, moved < SMALLEST);
    } else if (gradient > 0) {
      F[at] = 0;
    }
  }
  if (p.measure != 0) {
    terms[p.first_term + tile] = violation;
  }
}
