// The β-divergence d(x | u) and its derivatives in u, entry by entry, as in ts/kernels/beta.ts; it stands before the text of
// the kernels that use it, whose Params have `beta` and `least`, and behind the type `real`: one entry, or four at a time.
// Févotte & Idier, Neural Computation 2011, equation 2.

// u^e. The exponents of the losses that have names are whole and half ones, which need no logarithm.
fn power(u: real, e: f32) -> real {
  let twice = abs(2 * e);
  if (twice > 8 || twice != floor(twice)) {
    return pow(u, real(e));
  }
  var result = select(real(1), sqrt(u), (u32(twice) & 1) == 1);
  for (var n = u32(twice) / 2; n > 0; n--) {
    result *= u;
  }
  return select(result, 1 / result, e < 0);
}

// u as powers and logarithms take it. Below β = 1 the bound lies far below 2⁻²³, and is for a u that is not zero alone.
fn safe(u: real) -> real {
  if (p.beta < 1) {
    return max(u, select(real(p.least), real(0x1p-23f), u <= real()));
  }
  return max(u, real(p.least));
}

fn divergence(x: real, u: real) -> real {
  let beta = p.beta;
  if (beta == 2) {
    return 0.5 * (x - u) * (x - u);
  }
  let model = safe(u);
  if (beta == 1) {
    return select(u, x * log(x / model) - x + u, x > real());
  }
  if (beta == 0) {
    return x / model - log(x / model) - 1;
  }
  let constant = select(real(), power(x, beta), x > real());
  let slope = power(model, beta - 1);
  let whole = select(model, max(real(), u), beta > 0);
  return (constant + (beta - 1) * slope * whole - beta * x * slope) / (beta * (beta - 1));
}

// What the data pull with: x·u^(β−2).
fn pull(x: real, u: real) -> real {
  if (p.beta == 2) {
    return x;
  }
  return x * power(safe(u), p.beta - 2);
}

// What the model pushes back with: u^(β−1).
fn push(u: real) -> real {
  if (p.beta == 2) {
    return u;
  }
  if (p.beta == 1) {
    return real(1);
  }
  return power(safe(u), p.beta - 1);
}

// Second derivative of the convex part of d.
fn curvature(x: real, u: real) -> real {
  let beta = p.beta;
  if (beta == 2) {
    return real(1);
  }
  let model = safe(u);
  let model_part = select(real(), (beta - 1) * power(model, beta - 2), beta > 1);
  return model_part + select(real(), (2 - beta) * x * power(model, beta - 3), beta < 2);
}
