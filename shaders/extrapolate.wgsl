// F moves on along its last step, by the weight that `momentum` holds, and P becomes F as its update left it. Ang & Gillis,
// Neural Computation 2019, algorithm 3.

override WORKGROUP: u32 = 64;

// 2⁻⁶³: results below it become zero.
const SMALLEST = 0x1p-63f;
// of `momentum`
const STEP = 0;

struct Params {
  length: u32,
  most: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> momentum: array<f32>;
@group(0) @binding(2) var<storage, read_write> F: array<f32>;
@group(0) @binding(3) var<storage, read_write> P: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (at >= p.length) {
    return;
  }
  let f = F[at];
  let step = momentum[STEP] * (f - P[at]);
  if (step != 0) {
    let moved = f + step;
    F[at] = select(min(moved, p.most), 0, moved < SMALLEST);
  }
  P[at] = f;
}
