// The normal equations of rows whose entries have weights: Σ v·o·oᵀ and Σ v·x·o over a row's entries, as pairs in S. Stands
// behind pairs.wgsl, moving.wgsl and least_squares.wgsl, and before the text of bpp_dense and bpp_csr, which hand the entries of a
// row over, and which bind O and F.
//
// A thread owns four rows of the triangle by four of its columns, or four entries of the right-hand side, and goes through all
// entries of the row. Components that stay are taken from x, times what they are. The loss of the row as it is, where it is
// wanted, waits in the place of the solution.

// Four sums as pairs.
struct Sums {
  high: vec4f,
  low: vec4f,
}

// What a thread owns: components `first` … of the right-hand side, or of the triangle's rows `left` ….
struct Tile {
  row: u32, // of the dispatch
  is_right: bool,
  left: u32,
  first: u32,
}

var<private> sums: array<Sums, 4>;
var<private> loss: vec2f;

fn opaque4(x: vec4f) -> vec4f {
  return bitcast<vec4f>(bitcast<vec4u>(x) ^ vec4u(p.zero));
}

// sums + a·b. What is lost on the way goes to their second halves: Ogita, Rump & Oishi, SIAM J. Sci. Comput. 26 (2005), algorithm
// 5.3.
fn with_product(to: Sums, a: vec2f, b: vec4f) -> Sums {
  let product = opaque4(a.x * b);
  let a_high = bitcast<f32>(bitcast<u32>(a.x) & 0xfffff000u);
  let b_high = bitcast<vec4f>(bitcast<vec4u>(b) & vec4u(0xfffff000u));
  let a_low = a.x - a_high;
  let b_low = b - b_high;
  let lost = opaque4(opaque4(opaque4(a_high * b_high - product) + a_high * b_low) + a_low * b_high) + a_low * b_low;
  let high = opaque4(to.high + product);
  let product_taken = opaque4(high - to.high);
  let high_taken = opaque4(high - product_taken);
  let rounded = (to.high - high_taken) + (product - product_taken);
  return Sums(high, to.low + (rounded + lost + a.y * b));
}

// The tile of a thread, those of a row side by side: first those of its right-hand side.
fn tile_of(at: u32) -> Tile {
  let fours = max(1, (p.moving + 3) / 4);
  let each = fours * (fours + 3) / 2;
  let row = at / each;
  var rest = at % each;
  if (rest < fours) {
    return Tile(row, true, 0, 4 * rest);
  }
  rest -= fours;
  var left = 0u;
  while (rest > left) {
    left++;
    rest -= left;
  }
  return Tile(row, false, 4 * left, 4 * rest);
}

// Components r … r + 3 of the row of O that begins at `other`.
fn load_O(other: u32, r: u32) -> vec4f {
  let at = other + r;
  let here = vec4u(r, r + 1, r + 2, r + 3) < vec4u(p.rank);
  return select(vec4f(), vec4f(O[at], O[at + 1], O[at + 2], O[at + 3]), here);
}

fn tells_loss(tile: Tile) -> bool {
  return p.measure != 0 && tile.is_right && tile.first == 0;
}

// x − f·o, of the components from `first` on.
fn rest_of(x: f32, tile: Tile, other: u32, first: u32) -> vec2f {
  let row = (p.first_row + tile.row) * p.rank;
  var rest = vec2f(x, 0);
  for (var s = first; s < p.rank; s++) {
    rest = less(rest, vec2f(F[row + s], 0), vec2f(O[other + s], 0));
  }
  return rest;
}

// Takes an entry x of weight v, whose row of O begins at `other`.
fn take(tile: Tile, v: f32, x: f32, other: u32) {
  if (v == 0) {
    return;
  }
  let right = load_O(other, tile.first);
  if (tile.is_right) {
    sums[0] = with_product(sums[0], times(vec2f(v, 0), rest_of(x, tile, other, p.moving)), right);
    if (tells_loss(tile)) {
      let error = rest_of(x, tile, other, 0);
      loss = plus(loss, times(vec2f(0.5 * v, 0), times(error, error)));
    }
    return;
  }
  let left = load_O(other, tile.left);
  for (var t = 0u; t < 4; t++) {
    sums[t] = with_product(sums[t], two_product(v, left[t]), right);
  }
}

// Leaves the sums where bpp_update looks for them.
fn keep(tile: Tile) {
  thread = tile.row;
  if (tells_loss(tile)) {
    S[entry(SOLUTION, 0)] = loss;
  }
  for (var t = 0u; t < 4; t++) {
    let r = tile.left + t;
    for (var c = 0u; c < 4; c++) {
      let s = tile.first + c;
      let sum = two_sum(sums[t].high[c], sums[t].low[c]);
      if (tile.is_right && t == 0 && s < p.moving) {
        S[entry(WANTED, s)] = plus(sum, vec2f(-p.l1, 0));
      }
      if (!tile.is_right && r < p.moving && s <= r) {
        S[system(r, s)] = sum;
      }
    }
  }
}
