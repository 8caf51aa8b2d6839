// A bound of the largest eigenvalue of a non-negative symmetric matrix: max (Gv)ᵢ / vᵢ for a positive v, which comes from power
// iterations on 1, 1, 1, … Collatz 1942; Wielandt 1950. Beside it goes the largest value of a list, where there is one.
//
// One workgroup, in which a thread takes every 64th row. An iterate is stored as it was multiplied, and every thread divides by
// its largest entry, which it finds by itself: so an iteration takes one barrier. In f32: what is above the eigenvalue in exact
// arithmetic may come out below it by (rank + 2) roundings.

override WORKGROUP: u32 = 64;

// as in ts/core/gram-bound.ts
const ITERATIONS = 30;
const LEAST = 0x1p-40f;

struct Params {
  rank: u32,
  into: u32, // where the bound goes; the largest value goes behind it
  list_length: u32, // 0: there is no list
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> G: array<f32>;
@group(0) @binding(2) var<storage, read> list: array<f32>;
@group(0) @binding(3) var<storage, read_write> bounds: array<f32>;
@group(0) @binding(4) var<storage, read_write> iterates: array<f32>; // two, one after the other

// of each thread: the largest quotient, and the largest value
var<workgroup> lanes: array<vec2f, WORKGROUP>;

fn largest(first: u32) -> f32 {
  var found = 0f;
  for (var s = 0u; s < p.rank; s++) {
    found = max(found, iterates[first + s]);
  }
  // where all are zero, so is G, and any v will do
  return select(found, 1f, found == 0);
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var r = lane; r < p.rank; r += WORKGROUP) {
    iterates[r] = 1;
  }
  var found = vec2f();
  for (var iteration = 0u; iteration <= ITERATIONS; iteration++) {
    storageBarrier();
    let now = iteration % 2 * p.rank;
    let next = p.rank - now;
    let scale = largest(now);
    found.x = 0;
    for (var r = lane; r < p.rank; r += WORKGROUP) {
      var sum = 0f;
      for (var s = 0u; s < p.rank; s++) {
        sum += G[r * p.rank + s] * max(iterates[now + s] / scale, LEAST);
      }
      iterates[next + r] = sum;
      found.x = max(found.x, sum / max(iterates[now + r] / scale, LEAST));
    }
  }
  for (var i = lane; i < p.list_length; i += WORKGROUP) {
    found.y = max(found.y, list[i]);
  }
  lanes[lane] = found;
  workgroupBarrier();
  if (lane == 0) {
    for (var other = 1u; other < WORKGROUP; other++) {
      found = max(found, lanes[other]);
    }
    bounds[p.into] = found.x;
    if (p.list_length > 0) {
      bounds[p.into + 1] = found.y;
    }
  }
}
