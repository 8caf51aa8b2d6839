// N = X·Hᵀ for a panel of CSR rows; on the CSC arrays, A = Xᵀ·W. Lee & Seung, NIPS 2000, equation 4, at the non-zeros.
//
// One thread gathers 4 ranks of one row: no two threads write to one place, so nothing needs atomics and the order of
// every sum is fixed. Neighbouring threads share a row, so a gathered row of Ht is read together. group.z cuts every row
// into `parts` pieces whose sums lie `part_length` apart; the consumer adds them.

override WORKGROUP: u32 = 64;
// Whether only entries of some indices count: on the transpose, those of a batch of rows.
override RANGED: bool = false;
// Whether rank is a multiple of 4: then Ht4 is bound, else Ht.
override ALIGNED: bool = false;

struct Params {
  rows: u32,
  rank: u32,
  first_row: u32, // of N
  parts: u32,
  part_length: u32,
  accumulate: u32, // 0: the old contents of N do not count
  first: u32, // of the rows of indptr
  low: u32, // entries with indices from here on count,
  high: u32, // and below here
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indptr: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
@group(0) @binding(4) var<storage, read> Ht: array<f32>;
@group(0) @binding(5) var<storage, read> Ht4: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> N: array<f32>;

fn load_Ht(j: u32, r: u32) -> vec4f {
  let at = j * p.rank + r;
  if (ALIGNED) {
    return Ht4[at / 4];
  }
  let inside = vec4u(r, r + 1, r + 2, r + 3) < vec4u(p.rank);
  return select(vec4f(), vec4f(Ht[at], Ht[at + 1], Ht[at + 2], Ht[at + 3]), inside);
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
  let rank_tiles = (p.rank + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let i = tile / rank_tiles;
  let r = tile % rank_tiles * 4;
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
  var n = vec4f();
  var q = begin + group.z * piece;
  // four gathered rows are on their way at once: see parts.wgsl
  for (; q + 4 <= end; q += 4) {
    let h0 = load_Ht(indices[q], r);
    let h1 = load_Ht(indices[q + 1], r);
    let h2 = load_Ht(indices[q + 2], r);
    let h3 = load_Ht(indices[q + 3], r);
    n += values[q] * h0;
    n += values[q + 1] * h1;
    n += values[q + 2] * h2;
    n += values[q + 3] * h3;
  }
  for (; q < end; q++) {
    n += values[q] * load_Ht(indices[q], r);
  }
  let at = group.z * p.part_length + (p.first_row + i) * p.rank + r;
  N[at] = n.x + select(0, N[at], p.accumulate != 0);
  if (r + 1 < p.rank) {
    N[at + 1] = n.y + select(0, N[at + 1], p.accumulate != 0);
  }
  if (r + 2 < p.rank) {
    N[at + 2] = n.z + select(0, N[at + 2], p.accumulate != 0);
  }
  if (r + 3 < p.rank) {
    N[at + 3] = n.w + select(0, N[at + 3], p.accumulate != 0);
  }
}
