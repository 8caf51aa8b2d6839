import type { Penalty, Rule } from '../../ts/backends/backend.js'

// The whole of factorisation once more, with nothing in common with the package: dense matrices as lists of rows, W·H
// formed in full for every number asked of it, formulas of the papers for each β on its own.

export type Rows = number[][]

export interface State {
  readonly X: Rows
  /** One weight per entry of X. */
  readonly V: Rows
  readonly W: Rows
  /** rank × columns */
  readonly H: Rows
}

export interface Choices {
  readonly beta: number
  readonly rule: Rule
  readonly step: number
  readonly penaltyW: Penalty
  readonly penaltyH: Penalty
  readonly fixed?: 'H'
}

export function product(W: Rows, H: Rows): Rows {
  return W.map(row => H[0].map((_, j) => row.reduce((sum, w, r) => sum + w * H[r][j], 0)))
}

export function transposed(A: Rows): Rows {
  return A[0].map((_, j) => A.map(row => row[j]))
}

/** Float32's machine epsilon. */
const EPSILON = 2 ** -23

/** What logarithms and powers see of a model value: for β < 2 epsilon in place of 0, as in scikit-learn, from 1 to 2 no less. */
function safe(u: number, beta: number): number {
  if (beta >= 1 && beta <= 2) return Math.max(u, EPSILON)
  return u === 0 && beta < 1 ? EPSILON : u
}

/** scikit-learn's formulas of the β-divergence, sums taken over all entries. */
export function loss({ X, V, W, H }: State, beta: number): number {
  const U = product(W, H)
  let sum = 0
  X.forEach((row, i) => {
    row.forEach((x, j) => {
      if (V[i][j] === 0) return
      const u = U[i][j]
      let d: number
      if (beta === 2) d = (x - u) ** 2 / 2
      else if (beta === 1) d = (x === 0 ? 0 : x * Math.log(x / safe(u, beta))) + u - x
      else if (beta === 0) d = x / safe(u, beta) - Math.log(x / safe(u, beta)) - 1
      else {
        const power = beta > 0 ? u ** beta : safe(u, beta) ** beta
        d = (x ** beta + (beta - 1) * power - beta * x * safe(u, beta) ** (beta - 1)) / (beta * (beta - 1))
      }
      sum += V[i][j] * d
    })
  })
  return sum
}

/** Both halves of the loss's gradient in W: it is `up` less `down`. Models are at least `least`, but for β = 2. */
export function halves({ X, V, W, H }: State, beta: number, least = 0): { up: Rows; down: Rows } {
  const U = product(W, H)
  const against = (entry: (i: number, j: number) => number) =>
    W.map((row, i) => row.map((_, r) => H[r].reduce((sum, h, j) => sum + V[i][j] * entry(i, j) * h, 0)))
  const power = (i: number, j: number, exponent: number) =>
    (beta === 2 ? U[i][j] : Math.max(least, safe(U[i][j], beta))) ** exponent
  return {
    up: against((i, j) => power(i, j, beta - 1)),
    down: against((i, j) => X[i][j] * power(i, j, beta - 2)),
  }
}

/** The curvature of what a rule majorises, times the weight, in each entry. */
function curvatures({ X, V, W, H }: State, beta: number, least = 0): Rows {
  const U = product(W, H)
  return U.map((row, i) =>
    row.map((value, j) => {
      const u = Math.max(least, safe(value, beta))
      const convex = beta >= 1 ? (beta - 1) * u ** (beta - 2) : 0
      const other = beta <= 2 ? (2 - beta) * X[i][j] * u ** (beta - 3) : 0
      return V[i][j] * (convex + other)
    }),
  )
}

function modelled(weights: readonly number[], H: Rows, j: number): number {
  return weights.reduce((u, w, r) => u + w * H[r][j], 0)
}

function projected(value: number, gradient: number): number {
  return Math.abs(value > 0 ? gradient : Math.min(0, gradient))
}

/** One update of W by a rule, all else fixed; returns Σ |projected gradient|. */
function updateW(state: State, { beta, rule, step }: Choices, { l1, l2 }: Penalty): number {
  const { W, H } = state
  const rank = H.length
  let violation = 0
  if (rule === 'hals') {
    for (let i = 0; i < W.length; i++) {
      for (let r = 0; r < rank; r++) {
        // one row and one coordinate at a time, with the whole model formed anew
        const one = { X: [state.X[i]], V: [state.V[i]], W: [W[i]], H }
        const { up, down } = halves(one, beta, EPSILON)
        const gradient = up[0][r] - down[0][r] + l1 + l2 * W[i][r]
        const bend = curvatures(one, beta, EPSILON)[0].reduce((sum, c, j) => sum + c * H[r][j] ** 2, l2)
        violation += projected(W[i][r], gradient)
        if (!(bend > 0)) {
          if (gradient > 0) W[i][r] = 0
        } else if (beta < 2 && gradient > 0) {
          const pulling = (W[i][r] * bend) / (2 - beta)
          W[i][r] *= (pulling / (pulling + gradient)) ** (1 / (2 - beta))
        } else if (beta > 2 && gradient < 0) {
          // of the entries that count, the model that this coordinate raises most for its size
          const times = H[r].map((h, j) => (state.V[i][j] > 0 ? h / Math.max(EPSILON, modelled(W[i], H, j)) : 0))
          const most = Math.max(...times)
          const pushing = bend / ((beta - 1) * most)
          W[i][r] += ((1 - gradient / pushing) ** (1 / (beta - 1)) - 1) / most
        } else {
          W[i][r] = Math.max(0, W[i][r] - gradient / bend)
        }
      }
    }
    return violation
  }
  const { up, down } = halves(state, beta)
  const curvature = curvatures(state, beta)
  const gamma = beta < 1 ? 1 / (2 - beta) : beta > 2 ? 1 / (beta - 1) : 1
  const norms = transposed(H).map(column => column.reduce((sum, h) => sum + h * h, 0))
  for (let i = 0; i < W.length; i++) {
    const bend = curvature[i].reduce((sum, c, j) => sum + c * norms[j], l2)
    for (let r = 0; r < rank; r++) {
      const above = up[i][r] + l1 + l2 * W[i][r]
      const gradient = above - down[i][r]
      violation += projected(W[i][r], gradient)
      if (rule === 'mu') W[i][r] = above > 0 ? W[i][r] * (down[i][r] / above) ** gamma : 0
      else if (bend > 0) W[i][r] = Math.max(0, W[i][r] - (step / bend) * gradient)
      else if (gradient > 0) W[i][r] = 0
    }
  }
  return violation
}

/** One iteration, W first; returns the loss after it and Σ |projected gradient| of both factors. */
export function iterate(state: State, choices: Choices): { loss: number; violation: number } {
  let violation = updateW(state, choices, choices.penaltyW)
  if (choices.fixed !== 'H') {
    const W = transposed(state.H)
    const other = { X: transposed(state.X), V: transposed(state.V), W, H: transposed(state.W) }
    violation += updateW(other, choices, choices.penaltyH)
    transposed(W).forEach((row, r) => {
      state.H[r] = row
    })
  }
  return { loss: loss(state, choices.beta), violation }
}
