// N = Q·Hᵀ for a tile of X and any β, and where wanted D = P·Hᵀ beside it, with Q = V·X·U^(β−2), P = V·U^(β−1) and U = W·H; or
// by columns Qᵀ·W and Pᵀ·W. Nothing of the size of X is written. Févotte & Idier, Neural Computation 2011, equation 4.1.
// Stands behind beta.wgsl, mix.wgsl and model.wgsl, and behind the type `stored` of X.
//
// A workgroup owns some rows of the factor whose update this is for, and goes along those of the other one, `rank` of them at
// a time. It stages both in its own memory, SPAN times four ranks at once: of each, eight neighbouring threads need eight rows.
// One thread forms 4 × 4 entries of U in registers and leaves Q and P of them in workgroup memory; then it owns 4 rows ×
// 4 ranks of N and D, which stay in its registers, and multiplies what all have left. So the threads lie side by side in as
// many columns as the rank has fours, for both. No array is indexed by a loop: it would be kept in memory, not in registers. group.z cuts the other factor's rows into parts whose sums lie `part_length`
// apart; the consumer adds them. Each thread leaves one term of the loss.

override WORKGROUP: u32 = 64;
// Whether the products are those of the columns.
override TURNED: bool = false;
// Whether D is wanted.
override PUSH: bool = false;
// Fours of ranks that are staged at once, at most.
override SPAN: u32 = 1;
// Room for what is staged, and for P.
override STAGED: u32 = 1024;
override PUSHES: u32 = 256;

struct Params {
  rows: u32,
  columns: u32, // that are no padding
  rank: u32, // a multiple of 4, at most 4 · WORKGROUP
  first_row: u32, // of W
  X_first: u32, // where the tile begins, a multiple of 4 like the strides
  X_stride: u32,
  V_first: u32,
  V_stride: u32,
  weights: u32, // 0: 1, 1: V, 2: hashed
  measure: u32, // whether the loss is wanted; 2: added to what the tiles before have left
  row: u32, // the tile's first one in all of X, for the hash
  key: u32, // mix(seed)
  threshold: u32,
  complement: u32,
  first: u32, // of the tile's rows in N and D
  part_rows: u32, // of the other factor: a multiple of the rank
  part_length: u32,
  accumulate: u32, // 0: the old contents of N and D do not count
  beta: f32,
  least: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(5) var<storage, read_write> N: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> D: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> terms: array<f32>;

// Row t of each thread's 4 × 4 entries begins at t · WORKGROUP, so that neighbours write and read side by side.
var<workgroup> pulls: array<vec4f, 4 * WORKGROUP>;
var<workgroup> pushes: array<vec4f, PUSHES>;
// The owned rows, then those of the other factor: of each side first all whose number is a multiple of four, then the next
// ones, PITCH apart, an odd number, so that neighbours' fours lie in different banks of the memory.
var<workgroup> sides: array<vec4f, STAGED>;

override PITCH: u32 = SPAN | 1;

fn row_of_W(i: u32, r: u32) -> vec4f {
  return W[(p.first_row + min(i, p.rows - 1)) * (p.rank / 4) + r];
}

fn row_of_Ht(j: u32, r: u32) -> vec4f {
  return Ht[min(j, p.columns - 1) * (p.rank / 4) + r];
}

// Stages `quads` times four rows of a factor: those of W, or of Ht.
fn stage(lane: u32, to: u32, quads: u32, first: u32, span: u32, of_W: bool) {
  for (var at = lane; at < 4 * quads * SPAN; at += WORKGROUP) {
    let row = at / SPAN;
    let r = span + at % SPAN;
    if (r >= p.rank / 4) {
      continue;
    }
    let place = to + (row % 4 * quads + row / 4) * PITCH + at % SPAN;
    if (of_W) {
      sides[place] = row_of_W(first + row, r);
    } else {
      sides[place] = row_of_Ht(first + row, r);
    }
  }
}

// Four values of rows o … o + 3 of the other factor, from rank 4b on.
fn others(o: u32, b: u32, staged: u32, step: u32) -> mat4x4f {
  if (p.rank <= 4 * SPAN) {
    return mat4x4f(
      sides[staged + b],
      sides[staged + step + b],
      sides[staged + 2 * step + b],
      sides[staged + 3 * step + b],
    );
  }
  if (TURNED) {
    let at = rows_of_W(o) + b;
    return mat4x4f(W[at.x], W[at.y], W[at.z], W[at.w]);
  }
  let at = rows_of_Ht(o) + b;
  return mat4x4f(Ht[at.x], Ht[at.y], Ht[at.z], Ht[at.w]);
}

// What row t of a thread's entries contributes: it stays in the workgroup's memory. Returns its term of the loss.
fn leave(t: u32, lane: u32, i: u32, j: u32, x: vec4f, u: vec4f) -> f32 {
  let v = weights(i + t, j);
  pulls[t * WORKGROUP + lane] = v * pull(x, u);
  if (PUSH) {
    pushes[t * WORKGROUP + lane] = v * push(u);
  }
  if (p.measure == 0) {
    return 0f;
  }
  return loss_of(v, x, u);
}

fn left_in_pulls(at: u32) -> mat4x4f {
  return mat4x4f(pulls[at], pulls[WORKGROUP + at], pulls[2 * WORKGROUP + at], pulls[3 * WORKGROUP + at]);
}

fn left_in_pushes(at: u32) -> mat4x4f {
  return mat4x4f(pushes[at], pushes[WORKGROUP + at], pushes[2 * WORKGROUP + at], pushes[3 * WORKGROUP + at]);
}

// sum + o·q
fn grown(sum: vec4f, o: mat4x4f, q: vec4f) -> vec4f {
  return fma(o[3], vec4f(q.w), fma(o[2], vec4f(q.z), fma(o[1], vec4f(q.y), fma(o[0], vec4f(q.x), sum))));
}

// The same for the four owned rows of 4 × 4 entries.
fn all_grown(sums: mat4x4f, o: mat4x4f, entries: mat4x4f) -> mat4x4f {
  var q = entries;
  if (TURNED) {
    q = transpose(entries);
  }
  return mat4x4f(grown(sums[0], o, q[0]), grown(sums[1], o, q[1]), grown(sums[2], o, q[2]), grown(sums[3], o, q[3]));
}

// u + the products of a four of ranks of one row with those of four others.
fn modelled(u: vec4f, w: vec4f, h0: vec4f, h1: vec4f, h2: vec4f, h3: vec4f) -> vec4f {
  return u + vec4f(dot(w, h0), dot(w, h1), dot(w, h2), dot(w, h3));
}

fn store_row(row: u32, owned: u32, b: u32, part: u32, n: vec4f, d: vec4f) {
  if (row >= owned) {
    return;
  }
  let at = (part * p.part_length) / 4 + (p.first + row) * (p.rank / 4) + b;
  N[at] = n + select(vec4f(), N[at], p.accumulate != 0);
  if (PUSH) {
    D[at] = d + select(vec4f(), D[at], p.accumulate != 0);
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let across = p.rank / 4;
  let down = WORKGROUP / across;
  let owned = select(p.rows, p.columns, TURNED);
  let end = min(select(p.columns, p.rows, TURNED), (group.z + 1) * p.part_rows);
  let block = group.y * groups.x + group.x;
  let blocks = (owned + 4 * down - 1) / (4 * down);
  if (block >= blocks) {
    return;
  }
  let b = lane % across;
  let own = (block * down + lane / across) * 4;
  let works = lane / across < down && own < owned;
  // where both sides' rows of this thread's entries are staged, and how far apart the four of them
  let other_side = 4 * down * PITCH;
  let own_place = lane / across * PITCH;
  let other_place = other_side + b * PITCH;
  let places = select(vec2u(own_place, other_place), vec2u(other_place, own_place), TURNED);
  let steps = select(vec2u(down, across), vec2u(across, down), TURNED) * PITCH;
  // the first of the threads that own these rows
  let beside = lane - b;
  var n = mat4x4f();
  var d = mat4x4f();
  var loss = 0f;
  let begin = group.z * p.part_rows;
  let is_whole = across <= SPAN;
  for (var first = begin; first < end; first += p.rank) {
    let other = first + b * 4;
    let i = select(own, other, TURNED);
    let j = select(other, own, TURNED);
    var x0 = vec4f();
    var x1 = vec4f();
    var x2 = vec4f();
    var x3 = vec4f();
    if (works) {
      x0 = entries(i, j);
      x1 = entries(i + 1, j);
      x2 = entries(i + 2, j);
      x3 = entries(i + 3, j);
    }
    var u0 = vec4f();
    var u1 = vec4f();
    var u2 = vec4f();
    var u3 = vec4f();
    for (var span = 0u; span < across; span += SPAN) {
      if (!is_whole || first == begin) {
        stage(lane, 0, down, block * down * 4, span, !TURNED);
      }
      stage(lane, other_side, across, first, span, TURNED);
      workgroupBarrier();
      if (works) {
        for (var r = 0u; r < min(SPAN, across - span); r++) {
          let w0 = sides[places.x + r];
          let w1 = sides[places.x + steps.x + r];
          let w2 = sides[places.x + 2 * steps.x + r];
          let w3 = sides[places.x + 3 * steps.x + r];
          let h0 = sides[places.y + r];
          let h1 = sides[places.y + steps.y + r];
          let h2 = sides[places.y + 2 * steps.y + r];
          let h3 = sides[places.y + 3 * steps.y + r];
          u0 = modelled(u0, w0, h0, h1, h2, h3);
          u1 = modelled(u1, w1, h0, h1, h2, h3);
          u2 = modelled(u2, w2, h0, h1, h2, h3);
          u3 = modelled(u3, w3, h0, h1, h2, h3);
        }
      }
      if (!is_whole) {
        workgroupBarrier();
      }
    }
    if (works) {
      loss += leave(0, lane, i, j, x0, u0);
      loss += leave(1, lane, i, j, x1, u1);
      loss += leave(2, lane, i, j, x2, u2);
      loss += leave(3, lane, i, j, x3, u3);
    }
    workgroupBarrier();
    if (works) {
      for (var t = 0u; t < across; t++) {
        let o = others(first + t * 4, b, other_side + t * PITCH, across * PITCH);
        let at = beside + t;
        n = all_grown(n, o, left_in_pulls(at));
        if (PUSH) {
          d = all_grown(d, o, left_in_pushes(at));
        }
      }
    }
    workgroupBarrier();
  }
  if (works) {
    store_row(own, owned, b, group.z, n[0], d[0]);
    store_row(own + 1, owned, b, group.z, n[1], d[1]);
    store_row(own + 2, owned, b, group.z, n[2], d[2]);
    store_row(own + 3, owned, b, group.z, n[3], d[3]);
  }
  if (p.measure != 0) {
    let term = (group.z * blocks + block) * WORKGROUP + lane;
    terms[term] = loss + select(0, terms[term], p.measure == 2);
  }
}
