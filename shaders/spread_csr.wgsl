// A few CSR rows as a dense tile, zeros between the entries: for losses that count every entry of a sparse X. One thread a row.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  first_row: u32, // of the CSR rows
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indptr: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
@group(0) @binding(4) var<storage, read_write> X: array<f32>;

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
  let row = i * p.columns;
  for (var j = 0u; j < p.columns; j++) {
    X[row + j] = 0;
  }
  let at = p.first_row + i;
  for (var q = indptr[at]; q < indptr[at + 1]; q++) {
    X[row + indices[q]] = values[q];
  }
}
