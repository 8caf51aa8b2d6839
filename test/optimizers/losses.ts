import { Random } from '../../ts/core/random.js'
import type { Problem } from './drive.js'

/** f(x) = ½ Σ curvature·x², from ones. */
export function quadratic(curvatures: readonly number[], start: readonly number[] = curvatures.map(() => 1)): Problem {
  return {
    start,
    loss: x => curvatures.reduce((sum, curvature, i) => sum + 0.5 * curvature * x[i] * x[i], 0),
    gradient: x => Float64Array.from(curvatures, (curvature, i) => curvature * x[i]),
  }
}

/** That of the golden numbers: f(x) = ½(x₁² + 10·x₂²) from (1, 1). */
export const GOLDEN: Problem = quadratic([1, 10])

/** The same loss times `factor`. */
export function scaled(problem: Problem, factor: number): Problem {
  return {
    start: problem.start,
    loss: x => factor * problem.loss(x),
    gradient: x => problem.gradient(x).map(entry => factor * entry),
  }
}

/** Mean logistic loss of points that a plane with some noise divides, and a small ridge: strongly convex, its least unknown. */
export function logistic(seed: number, points = 60, features = 5): Problem {
  const random = new Random(seed)
  const normal = () => Math.sqrt(-2 * Math.log(random.uniform())) * Math.cos(2 * Math.PI * random.uniform())
  const plane = Array.from({ length: features }, normal)
  const rows = Array.from({ length: points }, () => Array.from({ length: features }, normal))
  const labels = rows.map(row => (row.reduce((sum, entry, i) => sum + entry * plane[i], 0.5 * normal()) > 0 ? 1 : -1))
  const ridge = 0.01
  const margin = (x: ArrayLike<number>, k: number) =>
    labels[k] * rows[k].reduce((sum, entry, i) => sum + entry * x[i], 0)
  return {
    start: plane.map(() => 0),
    loss(x) {
      let sum = 0
      for (let k = 0; k < points; k++) sum += Math.log1p(Math.exp(-margin(x, k)))
      for (let i = 0; i < features; i++) sum += 0.5 * points * ridge * x[i] * x[i]
      return sum / points
    },
    gradient(x) {
      const gradient = Float64Array.from(plane, (_, i) => ridge * x[i])
      for (let k = 0; k < points; k++) {
        const pull = labels[k] / (1 + Math.exp(margin(x, k))) / points
        for (let i = 0; i < features; i++) gradient[i] -= pull * rows[k][i]
      }
      return gradient
    },
  }
}

/** The least loss of a smooth, strongly convex problem, by many plain steps. */
export function leastLoss(problem: Problem, rate: number, steps: number): number {
  const x = Float64Array.from(problem.start)
  for (let t = 0; t < steps; t++) {
    const gradient = problem.gradient(x)
    for (let i = 0; i < x.length; i++) x[i] -= rate * gradient[i]
  }
  return problem.loss(x)
}
