import type { Problem } from './drive.js'

// The methods once more, entry by entry from the papers' formulas, with all vectors in the open and no thought of passes.

export interface Point {
  /** Where the next gradient is taken. */
  readonly p: readonly number[]
  /** What the model is judged with. */
  readonly x: readonly number[]
  /** The estimate of the distance, where the method makes one. */
  readonly d?: number
}

type Rule = (g: readonly number[]) => Point

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, entry, i) => sum + entry * b[i], 0)
const norm = (a: readonly number[]) => Math.sqrt(dot(a, a))
const each = (length: number, of: (i: number) => number) => Array.from({ length }, (_, i) => of(i))

/** `steps` points of a rule on a problem. */
export function trace(problem: Problem, steps: number, begin: (start: readonly number[]) => Rule): Point[] {
  const rule = begin(problem.start)
  const points: Point[] = []
  let p: readonly number[] = problem.start
  for (let t = 0; t < steps; t++) {
    const point = rule([...problem.gradient(p)])
    points.push(point)
    p = point.p
  }
  return points
}

export function scheduleFreeSgd({ rate = 1, beta = 0.9, decay = 0, warmup = 0, r = 0, power = 2 }) {
  return (start: readonly number[]): Rule => {
    let [z, x, y] = [start, start, start]
    let [k, largest, weights] = [0, 0, 0]
    return gradient => {
      const eta = rate * (k < warmup ? (k + 1) / warmup : 1)
      largest = Math.max(largest, eta)
      const weight = (k + 1) ** r * largest ** power
      weights += weight
      const c = weight / weights
      z = z.map((entry, i) => entry - eta * (gradient[i] + decay * y[i]))
      x = x.map((entry, i) => (1 - c) * entry + c * z[i])
      y = x.map((entry, i) => beta * entry + (1 - beta) * z[i])
      k++
      return { p: y, x }
    }
  }
}

export function scheduleFreeAdamW({ rate = 0.0025, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, decay = 0 }) {
  return (start: readonly number[]): Rule => {
    let [z, x, y] = [start, start, start]
    let v = start.map(() => 0)
    let [k, largest, weights] = [0, 0, 0]
    return gradient => {
      const eta = rate * Math.sqrt(1 - beta2 ** (k + 1))
      largest = Math.max(largest, eta)
      weights += largest ** 2
      const c = largest ** 2 / weights
      v = v.map((entry, i) => beta2 * entry + (1 - beta2) * gradient[i] ** 2)
      z = z.map((entry, i) => entry - eta * decay * y[i] - (eta * gradient[i]) / (Math.sqrt(v[i]) + epsilon))
      x = x.map((entry, i) => (1 - c) * entry + c * z[i])
      y = x.map((entry, i) => beta1 * entry + (1 - beta1) * z[i])
      k++
      return { p: y, x }
    }
  }
}

export function prodigy({
  rate = 1,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  decay = 0,
  d0 = 1e-6,
  coefficient = 1,
  growth = Number.POSITIVE_INFINITY,
  corrects = false,
  safeguards = false,
}) {
  return (start: readonly number[]): Rule => {
    const beta3 = Math.sqrt(beta2)
    const zero = start.map(() => 0)
    let [x, m, v, s] = [start, zero, zero, zero]
    let [d, largest, numerator, k] = [d0, d0, 0, 0]
    return gradient => {
      const correction = corrects ? Math.sqrt(1 - beta2 ** (k + 1)) / (1 - beta1 ** (k + 1)) : 1
      const eta = d * rate * correction
      const before = d
      const back = x.map((entry, i) => start[i] - entry)
      numerator = beta3 * numerator + (before / d0) * eta * dot(gradient, back)
      m = m.map((entry, i) => beta1 * entry + (1 - beta1) * before * gradient[i])
      v = v.map((entry, i) => beta2 * entry + (1 - beta2) * (before * gradient[i]) ** 2)
      s = s.map((entry, i) => beta3 * entry + (before / d0) * (safeguards ? before : eta) * gradient[i])
      const estimate = (coefficient * numerator) / s.reduce((sum, entry) => sum + Math.abs(entry), 0)
      if (d === d0) d = Math.max(d, estimate)
      largest = Math.max(largest, estimate)
      d = Math.min(largest, d * growth)
      x = x.map((entry, i) => (1 - decay * eta) * entry - (eta * m[i]) / (Math.sqrt(v[i]) + d * epsilon))
      k++
      return { p: x, x, d }
    }
  }
}

export function dAdaptSgd({ rate = 1, momentum = 0.9, decay = 0, d0 = 1e-6, growth = Number.POSITIVE_INFINITY }) {
  return (start: readonly number[]): Rule => {
    let [x, s] = [start, start.map(() => 0)]
    let [d, first, numerator] = [d0, 0, 0]
    return given => {
      const gradient = given.map((entry, i) => entry + decay * x[i])
      first ||= norm(gradient)
      const lambda = (d * rate) / first
      numerator += lambda * dot(gradient, s)
      s = s.map((entry, i) => entry + lambda * gradient[i])
      d = Math.max(d, Math.min((2 * numerator) / norm(s), d * growth))
      x = x.map((entry, i) => momentum * entry + (1 - momentum) * (start[i] - s[i]))
      return { p: x, x, d }
    }
  }
}

export function dAdaptAdam({
  rate = 1,
  beta1 = 0.9,
  beta2 = 0.999,
  epsilon = 1e-8,
  decay = 0,
  d0 = 1e-6,
  growth = Number.POSITIVE_INFINITY,
}) {
  return (start: readonly number[]): Rule => {
    const keep = Math.sqrt(beta2)
    const zero = start.map(() => 0)
    let [x, m, v, s] = [start, zero, zero, zero]
    let [d, numerator] = [d0, 0]
    return gradient => {
      const eta = d * rate
      const along = dot(
        gradient,
        s.map((entry, i) => entry / (Math.sqrt(v[i]) + epsilon)),
      )
      numerator = keep * numerator + (1 - keep) * eta * along
      m = m.map((entry, i) => beta1 * entry + eta * (1 - beta1) * gradient[i])
      v = v.map((entry, i) => beta2 * entry + (1 - beta2) * gradient[i] ** 2)
      s = s.map((entry, i) => keep * entry + eta * (1 - keep) * gradient[i])
      const absolute = s.reduce((sum, entry) => sum + Math.abs(entry), 0)
      d = Math.max(d, Math.min(numerator / ((1 - keep) * absolute), d * growth))
      x = x.map((entry, i) => (1 - decay * eta) * entry - m[i] / (Math.sqrt(v[i]) + epsilon))
      return { p: x, x, d }
    }
  }
}

/** With `layers` L-DoG: the lengths of the layers. */
export function dog({
  rate = 1,
  decay = 0,
  relative = 1e-6,
  epsilon = 1e-8,
  gamma = 8,
  layers = [] as readonly number[],
}) {
  return (start: readonly number[]): Rule => {
    const sizes = layers.length > 0 ? layers : [start.length]
    const layerOf = sizes.flatMap((size, layer) => Array<number>(size).fill(layer))
    const within = (a: readonly number[], layer: number) =>
      norm(a.map((entry, i) => (layerOf[i] === layer ? entry : 0)))
    let [x, average] = [start, start]
    let distances = sizes.map((_, layer) => relative * (1 + within(start, layer)))
    let squares = sizes.map(() => epsilon)
    let t = 0
    return given => {
      const gradient = given.map((entry, i) => entry + decay * x[i])
      const away = x.map((entry, i) => entry - start[i])
      distances = distances.map((distance, layer) => Math.max(distance, within(away, layer)))
      squares = squares.map((sum, layer) => sum + within(gradient, layer) ** 2)
      const etas = distances.map((distance, layer) => (rate * distance) / Math.sqrt(squares[layer]))
      x = x.map((entry, i) => entry - etas[layerOf[i]] * gradient[i])
      t++
      const weight = (1 + gamma) / (t + gamma)
      average = average.map((entry, i) => (1 - weight) * entry + weight * x[i])
      return { p: x, x: average }
    }
  }
}

/** With `bound` the rule 'constant', else 'smooth'. */
export function polyak(
  problem: Problem,
  { c = 0.5, growth = 2, batches = 500, epsilon = 1e-8, bound = 0, least = 0, rate = 1 },
) {
  return (start: readonly number[]): Rule => {
    let x = start
    let eta = rate
    return gradient => {
      const wanted = (problem.loss(x) - least) / (c * dot(gradient, gradient) + epsilon)
      eta = Math.min(wanted, bound > 0 ? bound : growth ** (1 / batches) * eta)
      x = each(x.length, i => x[i] - eta * gradient[i])
      return { p: x, x }
    }
  }
}
