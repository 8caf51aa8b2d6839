// Σ of a list as one f32 partial sum per workgroup; the host adds the partials in float64, in order.

override WORKGROUP: u32 = 64;

struct Params {
  length: u32,
  first: u32, // of the partial sums
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> terms: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;

var<workgroup> lanes: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var sum = 0f;
  for (var i = group.x * WORKGROUP + lane; i < p.length; i += groups.x * WORKGROUP) {
    sum += terms[i];
  }
  lanes[lane] = sum;
  workgroupBarrier();
  if (lane == 0) {
    for (var other = 1u; other < WORKGROUP; other++) {
      sum += lanes[other];
    }
    partials[p.first + group.x] = sum;
  }
}
