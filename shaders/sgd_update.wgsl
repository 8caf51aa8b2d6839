// F ← F − clamp(F − [F − rate·g], ±limit) with the projection [·] to [0, most] and g = scale·(P − N) + l1 + l2·F + noise: a
// projected stochastic gradient step of a factor's rows, in place. Robbins & Monro, Ann. Math. Statist. 1951. Stands behind mix.wgsl
// and moving.wgsl.
//
// One thread owns four components of a row. P = F·G is there before any entry moves; N may come in parts that are added here.
// Batches follow each other without the host, so the length of the step is made here, from what the host has said in the slot
// and from the bounds that the batch has left, and the slot is told it. The sums over the entries come as one term a thread.

override WORKGROUP: u32 = 64;

// 2⁻⁶³: results below it become zero.
const SMALLEST = 0x1p-63f;
// √3 / 2¹⁶: see `noiseOf` in ts/kernels/sgd_update.ts
const NOISE_UNIT = 0x1.bb67aep-16f;

// of the slot
const DRAW = 130;
// of `bounds`
const EIGENVALUE = 0; // of all rows of the other factor
const PEAK = 1; // their largest squared norm
const OWN = 2; // eigenvalue of the rows that the batch sees

struct Params {
  rows: u32,
  rank: u32,
  moving: u32, // the first so many components move
  N_parts: u32,
  N_part_length: u32,
  first_row: u32, // of F
  noise_row: u32, // number of the first row, for the noise
  bounded: u32, // 0: the slot has the length of the step; 1: twice the rate, for the bound OWN; 2: for all
  rate: u32, // where in the slot that is
  taken: u32, // where in the slot the length of the step goes
  key: u32, // mix(seed)
  draws: u32, // the draw is that of the slot times `draws`, and `draw` more
  draw: u32,
  remember: u32, // whether D is there
  measure: u32, // whether the terms are wanted
  products: u32, // where those of Σ g·D begin, behind those of Σ g²
  frozen: u32, // where flags of rows that stay begin
  scale: f32,
  l1: f32,
  l2: f32,
  most: f32,
  noise: f32,
  limit: f32,
  eigenvalue_share: f32,
  peak_share: f32,
  own_share: f32,
  largest: f32, // twice the largest rate
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> P: array<f32>;
@group(0) @binding(3) var<storage, read> bounds: array<f32>;
@group(0) @binding(4) var<storage, read> holds: array<f32>;
@group(0) @binding(5) var<storage, read_write> F: array<f32>;
@group(0) @binding(6) var<storage, read_write> D: array<f32>;
@group(0) @binding(7) var<storage, read_write> terms: array<f32>;
@group(0) @binding(8) var<storage, read_write> slot: array<u32>;

fn noise_of(row_key: u32, r: u32) -> f32 {
  let a = mix_word(row_key + 2 * r);
  let b = mix_word(row_key + 2 * r + 1);
  let sum = (a & 0xffff) + (a >> 16) + (b & 0xffff) + (b >> 16);
  return NOISE_UNIT * (f32(sum) - 131070);
}

fn unit_step(twice_rate: f32, bend: f32) -> f32 {
  if (bend > 0) {
    return twice_rate / bend;
  }
  return 0;
}

fn step_length() -> f32 {
  let rate = bitcast<f32>(slot[p.rate]);
  if (p.bounded == 0) {
    return rate;
  }
  let own = p.own_share * bounds[OWN] + p.l2;
  if (p.bounded == 1) {
    return unit_step(rate, own);
  }
  let all = p.eigenvalue_share * bounds[EIGENVALUE] + p.peak_share * bounds[PEAK] + p.l2;
  return min(unit_step(rate, all), unit_step(p.largest, own));
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
  let first = tile % rank_tiles * 4;
  if (i >= p.rows) {
    return;
  }
  let rate = step_length();
  if (tile == 0) {
    slot[p.taken] = bitcast<u32>(rate);
  }
  let row_key = mix_word(mix_word(p.key + slot[DRAW] * p.draws + p.draw) + p.noise_row + i);
  let last = min(first + 4, moving_of(i));
  var squares = 0f;
  var products = 0f;
  for (var r = first; r < last; r++) {
    let at = i * p.rank + r;
    let place = p.first_row * p.rank + at;
    var n = 0f;
    for (var part = 0u; part < p.N_parts; part++) {
      n += N[part * p.N_part_length + at];
    }
    let old = F[place];
    var gradient = p.scale * (P[at] - n) + p.l1 + p.l2 * old;
    if (p.noise > 0) {
      gradient += p.noise * noise_of(row_key, r);
    }
    squares += gradient * gradient;
    if (p.remember != 0) {
      products += gradient * D[at];
      D[at] = gradient;
    }
    let moved = old - rate * gradient;
    let inside = select(min(moved, p.most), 0, moved < SMALLEST);
    let change = inside - old;
    F[place] = select(old + clamp(change, -p.limit, p.limit), inside, abs(change) <= p.limit);
  }
  if (p.measure != 0) {
    terms[tile] = squares;
    terms[p.products + tile] = products;
  }
}
