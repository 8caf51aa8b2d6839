import { describe, expect, it } from 'vitest'
import type { Device, Factors, FitSpec, Penalty } from '../../ts/backends/backend.js'
import { denseView } from '../../ts/core/matrix.js'
import { divergence, pull, push } from '../../ts/kernels/beta.js'
import { type Draw, type Drawn, draw, NO_PENALTY } from '../reference/problems.js'
import { deviceOf, presentOrSkip, VARIANTS } from './backends.js'
import type { Dtype } from './inputs.js'

// Below β = 1 the loss has no bound where the model goes to zero, and above β = 2 it grows faster than squares where the model
// rises: a step of coordinate descent that is too long is seen at once, or, after a few iterations, as one that leads
// nowhere. No start may lead there.

const BETAS = [-0.5, 0, 0.3, 0.5, 0.9, 1, 1.5, 2.5, 3, 4]
const SEEDS = [1, 2, 3]
const ITERATIONS = 16

const STORED: readonly Pick<Draw, 'kind' | 'weights'>[] = [
  { kind: 'dense', weights: 'none' },
  { kind: 'dense', weights: 'dense' },
  { kind: 'csr', weights: 'none' },
  { kind: 'csr', weights: 'entries' },
]

const SHAPES = [
  { rows: 13, columns: 19, rank: 3 },
  { rows: 21, columns: 8, rank: 5 },
  { rows: 5, columns: 37, rank: 1 },
]

/** What the start's W, which fits about, is multiplied by. */
const SCALES = [1, 1e-3, 1e3]

const PENALTIES: readonly [Penalty, Penalty] = [
  { l1: 0.7, l2: 0.3 },
  { l1: 0.4, l2: 0.9 },
]

/**
 * A rise is rounding where it is below this many units of what the terms of the loss add up to without their signs: factors
 * are stored to a unit, and each step is good to a few units of the two halves of its slope, which those terms are made of.
 * At the bottom, where steps gain nothing, rises of up to three units are seen.
 */
const ROUNDED: Readonly<Record<Dtype, number>> = { f32: 8 * 2 ** -24, f64: 8 * 2 ** -53 }

/** The loss with its penalties, in float64, and what its terms add up to without their signs. */
function costOf({ X, V }: Drawn, spec: FitSpec, { W, H }: Factors): { cost: number; size: number } {
  const { rank, beta, dtype, penaltyW = NO_PENALTY, penaltyH = NO_PENALTY } = spec
  const seen = dtype === 'f32' ? Math.fround : (value: number) => value
  const columns = X[0].length
  let [cost, size] = [0, 0]
  X.forEach((row, i) => {
    row.forEach((given, j) => {
      const [x, v] = [seen(given), seen(V[i][j])]
      if (v === 0) return
      let u = 0
      for (let r = 0; r < rank; r++) u += W[i * rank + r] * H[r * columns + j]
      cost += v * divergence(x, u, beta)
      size += v * u * (pull(x, u, beta) + push(u, beta))
    })
  })
  for (const [factor, { l1, l2 }] of [
    [W, penaltyW],
    [H, penaltyH],
  ] as const) {
    for (const value of factor) {
      const penalty = l1 * value + 0.5 * l2 * value ** 2
      cost += penalty
      size += penalty
    }
  }
  return { cost, size }
}

/** By how much iterations raise the loss beyond rounding, and whether they lower it at all. */
async function faultsOf(device: Device, drawn: Drawn, spec: FitSpec, scale: number): Promise<string[]> {
  const { problem, W } = drawn
  const scaled = Float64Array.from(W.flat(), value => value * scale)
  const start = { ...problem, W: denseView(scaled, W.length, spec.rank) }
  const faults: string[] = []
  const fit = await device.createFit(start, spec)
  try {
    const first = costOf(drawn, spec, await fit.factors())
    let before = first
    for (let n = 1; n <= ITERATIONS; n++) {
      await fit.run(1)
      const now = costOf(drawn, spec, await fit.factors())
      const rise = now.cost - before.cost
      if (!(rise <= ROUNDED[spec.dtype] * now.size)) faults.push(`iteration ${n} raises ${before.cost} by ${rise}`)
      before = now
    }
    if (!(before.cost < first.cost)) faults.push(`${before.cost} is no less than ${first.cost}`)
  } finally {
    await fit[Symbol.asyncDispose]()
  }
  return faults
}

const cases = STORED.flatMap(stored =>
  (['f32', 'f64'] as const).map(
    dtype => [`${stored.kind}, weights: ${stored.weights}, ${dtype}`, stored, dtype] as const,
  ),
)

const CPU = VARIANTS.filter(({ id }) => id === 'reference' || id === 'native' || id === 'wasm')

describe.each(CPU)('$name: coordinate descent never raises the loss, whatever β is', variant => {
  it.for(cases)('%s', async ([, stored, dtype], context) => {
    await presentOrSkip(variant.id, context)
    const device = await deviceOf(variant, 1)
    const found: string[] = []
    for (const beta of BETAS) {
      for (const [at, seed] of SEEDS.entries()) {
        // for β ≤ 0 there may be no zeros among the entries that count
        const zeros = beta > 0 || stored.weights === 'entries' ? 0.25 : 0
        const drawn = draw({ ...SHAPES[at], ...stored, zeros, seed })
        for (const scale of SCALES) {
          for (const [penaltyW, penaltyH] of [[], PENALTIES]) {
            const spec: FitSpec = { rank: SHAPES[at].rank, beta, rule: 'hals', dtype, penaltyW, penaltyH }
            const name = `β = ${beta}, seed ${seed}, W times ${scale}${penaltyW ? ', penalised' : ''}`
            found.push(...(await faultsOf(device, drawn, spec, scale)).map(text => `${name}: ${text}`))
          }
        }
      }
    }
    expect(found).toEqual([])
  })
})
