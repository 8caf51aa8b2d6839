// The model of the listed entries of CSR rows, and what each contributes: q = v·x·u^(β−2), and where wanted v·u^(β−1) and
// v·curvature, one after the other in `entries`. The products with O are `xht_csr`'s, with these in the place of the values;
// on the arrays of the transpose both serve the columns. Févotte & Idier, Neural Computation 2011, equation 4.1.
// Stands behind beta.wgsl.
//
// One thread takes one piece of a row (group.z says which), reads the row of F again for each entry, which stays in the
// cache, and leaves one term of the loss. With `zeros` the unlisted entries count too, as zeros (β = 1): the loss then leaves
// out the listed u, as the sum of the whole model is known from the factors' column sums.

override WORKGROUP: u32 = 64;
// Whether only entries of some indices count: on the transpose, those of a batch of rows.
override RANGED: bool = false;

struct Params {
  rows: u32,
  rank: u32,
  first_row: u32, // of F
  parts: u32,
  weighted: u32,
  push: u32, // whether v·u^(β−1) is wanted
  bend: u32, // whether v·curvature is
  measure: u32, // whether the loss is
  zeros: u32,
  part_length: u32, // of entries: from one of the three to the next
  first_term: u32, // where the threads' losses go
  first: u32, // of the rows of indptr
  low: u32, // entries with indices from here on count,
  high: u32, // and below here
  beta: f32,
  least: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indptr: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read> F: array<f32>;
@group(0) @binding(6) var<storage, read> O: array<f32>;
@group(0) @binding(7) var<storage, read_write> entries: array<f32>;
@group(0) @binding(8) var<storage, read_write> terms: array<f32>;

fn model(row: u32, other: u32) -> f32 {
  var u = vec4f();
  let whole = p.rank / 4 * 4;
  for (var r = 0u; r < whole; r += 4) {
    let f = vec4f(F[row + r], F[row + r + 1], F[row + r + 2], F[row + r + 3]);
    u += f * vec4f(O[other + r], O[other + r + 1], O[other + r + 2], O[other + r + 3]);
  }
  var rest = 0f;
  for (var r = whole; r < p.rank; r++) {
    rest += F[row + r] * O[other + r];
  }
  return (u.x + u.y) + (u.z + u.w) + rest;
}

// The first entry of a row whose index is at least `bound`: indices ascend within a row.
fn lower(begin: u32, end: u32, bound: u32) -> u32 {
  var low = begin;
  var high = end;
  while (low < high) {
    let middle = (low + high) / 2;
    if (indices[middle] < bound) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.rows) {
    return;
  }
  var begin = indptr[p.first + i];
  var size = indptr[p.first + i + 1] - begin;
  if (RANGED) {
    let inside = lower(begin, begin + size, p.low);
    size = lower(inside, begin + size, p.high) - inside;
    begin = inside;
  }
  let piece = (size + p.parts - 1) / p.parts;
  let end = begin + min(size, (group.z + 1) * piece);
  var loss = 0f;
  for (var q = begin + group.z * piece; q < end; q++) {
    let x = values[q];
    let u = model((p.first_row + i) * p.rank, indices[q] * p.rank);
    var v = 1f;
    if (p.weighted != 0) {
      v = weights[q];
    }
    entries[q] = v * pull(x, u);
    if (p.push != 0) {
      entries[p.part_length + q] = v * push(u);
    }
    if (p.bend != 0) {
      entries[2 * p.part_length + q] = v * curvature(x, u);
    }
    if (p.measure != 0 && v != 0) {
      loss += v * (divergence(x, u) - select(0, u, p.zeros != 0));
    }
  }
  if (p.measure != 0) {
    terms[p.first_term + group.z * p.rows + i] = loss;
  }
}
