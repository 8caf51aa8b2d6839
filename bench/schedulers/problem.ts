import { Random } from '../../ts/core/random.js'
import { SCHEDULERS, type SchedulerName } from '../../ts/schedulers/api.js'

/** The problem of all pictures: f(x) = ½ Σ λᵢxᵢ², whose batches have their minimum at random places around the true one. */
const DIRECTIONS = 20
const FLATTEST = 0.02
/** How far the minimum of a batch is from the true one, in each direction. */
const SCATTER = 0.5
const SEED = 1

export const STEPS = 400
/** η₀, as a share of the stability bound 2/L. */
export const START = 0.5
/** No rate goes above this share of the bound, as in a fit. */
const HIGHEST = 0.95

/** From the flattest to 1, which makes the bound of the rate 2. */
const CURVATURES = Array.from({ length: DIRECTIONS }, (_, i) => FLATTEST + ((1 - FLATTEST) * i) / (DIRECTIONS - 1))
const BOUND = 2

export interface Course {
  /** The rate of each step as a share of the bound. */
  readonly rates: readonly number[]
  /** f before each step. */
  readonly losses: readonly number[]
}

/** Close enough to a normal draw, and from sums alone, so that every engine has the same. */
function nearlyNormal(random: Random): number {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += random.uniform()
  return sum
}

const squared = (list: readonly number[]) => list.reduce((sum, value) => sum + value * value, 0)
const height = (x: readonly number[]) => x.reduce((sum, value, i) => sum + 0.5 * CURVATURES[i] * value * value, 0)

/** A run of plain SGD under a scheduler as it is made by name. All runs see the same batches. */
export function courseOf(name: SchedulerName): Course {
  const random = new Random(SEED)
  const scheduler = SCHEDULERS[name].make({ learningRate: START, totalSteps: STEPS })
  let x: readonly number[] = CURVATURES.map(() => 1)
  let before: readonly number[] = CURVATURES.map(() => 0)
  const rates: number[] = []
  const losses: number[] = []
  for (let step = 0; step < STEPS; step++) {
    const away = x.map(value => value - SCATTER * nearlyNormal(random))
    const gradient = away.map((value, i) => CURVATURES[i] * value)
    const loss = height(away)
    // schedulers speak of shares of the bound, and so the rate of the Polyak step is turned into one
    const asked = scheduler.next({
      loss,
      batchLoss: loss / BOUND,
      squaredGradient: squared(gradient),
      alignment: gradient.reduce((sum, value, i) => sum + value * before[i], 0),
      squaredDirection: squared(before),
    })
    const rate = Math.min(asked, HIGHEST)
    losses.push(height(x))
    rates.push(rate)
    x = x.map((value, i) => value - BOUND * rate * gradient[i])
    before = gradient
  }
  return { rates, losses }
}
