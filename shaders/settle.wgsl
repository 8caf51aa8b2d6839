// After an iteration of a fit that extrapolates: where it stands, what is kept of W, Hᵀ and the Gram matrix becomes what they
// are; where it does not, they become what was kept. One dispatch for the three, four values a thread.

override WORKGROUP: u32 = 64;

// of `momentum`
const STANDS = 6;

struct Params {
  W_fours: u32,
  Ht_fours: u32,
  G_fours: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> momentum: array<f32>;
@group(0) @binding(2) var<storage, read_write> W: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> W_kept: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> Ht: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> Ht_kept: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> G: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> G_kept: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let stands = momentum[STANDS] != 0;
  var at = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (at < p.W_fours) {
    if (stands) {
      W_kept[at] = W[at];
    } else {
      W[at] = W_kept[at];
    }
    return;
  }
  at -= p.W_fours;
  if (at < p.Ht_fours) {
    if (stands) {
      Ht_kept[at] = Ht[at];
    } else {
      Ht[at] = Ht_kept[at];
    }
    return;
  }
  at -= p.Ht_fours;
  if (at < p.G_fours) {
    if (stands) {
      G_kept[at] = G[at];
    } else {
      G[at] = G_kept[at];
    }
  }
}
