// Σ of a list as one partial sum per workgroup, of two f32; the host adds the partials in float64, in order.

override WORKGROUP: u32 = 64;

struct Params {
  length: u32,
  first: u32, // of the partial sums
  low: u32, // of their second halves
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> terms: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;

var<workgroup> lanes: array<vec2f, WORKGROUP>;

// The sum and what its roundings have lost, after one more term (Knuth's TwoSum): the loss is a small difference of large
// sums. Where a compiler reorders the operations this is a plain sum.
fn plus(sum: vec2f, term: f32) -> vec2f {
  let whole = sum.x + term;
  let taken = whole - sum.x;
  let lost = (sum.x - (whole - taken)) + (term - taken);
  return vec2f(whole, sum.y + lost);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var sum = vec2f();
  for (var i = group.x * WORKGROUP + lane; i < p.length; i += groups.x * WORKGROUP) {
    sum = plus(sum, terms[i]);
  }
  lanes[lane] = sum;
  workgroupBarrier();
  if (lane == 0) {
    for (var other = 1u; other < WORKGROUP; other++) {
      sum = plus(sum, lanes[other].x);
      sum.y += lanes[other].y;
    }
    partials[p.first + group.x] = sum.x;
    partials[p.low + group.x] = sum.y;
  }
}
