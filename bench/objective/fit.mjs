// nonneg on its way to an objective: `factorize` of the built package with nothing but rank, loss, solver and seed. A unit is
// one way there, from the call to the end of the first iteration whose loss is no higher; every run has the next seed.
//   objective, limit   the loss to reach, and the seconds after which it counts as not reached
//   cold               no fit before the first run
//   curve=FILE         runs to the limit whatever the loss is, and writes [seconds, loss] of each iteration
import { writeFileSync } from 'node:fs'
import { closeDevices, factorize, NonnegError } from 'nonneg'
import { serve, Unsupported } from '../contestants/serve.mjs'
import { exactLoss } from './exact-loss.ts'
import { readMatrix } from './matrix.ts'

const REFUSALS = ['ERR_NONNEG_UNSUPPORTED', 'ERR_NONNEG_OPTION', 'ERR_NONNEG_NO_BACKEND']
/** More than anyone needs; scikit-learn is given as many. */
const MOST_ITERATIONS = 2000
/** Rounding of a loss in float32, which grows with ‖X‖², not with the loss. */
const ROUNDING = 3e-7

const ENOUGH = Symbol('enough')

let X
let words
let seed = 0
let reached
let squaredNorm

const optionsOf = () => ({ rank: Number(words.rank), loss: words.loss, solver: words.solver, tolerance: 0, seed })

/** The losses of a fit until `isEnough` says so, and the seconds from the call to the end of each iteration. */
async function follow(isEnough) {
  const course = []
  const begun = performance.now()
  // what comes before the first iteration: checks, plan, start, upload, and the crossing that brings the first news
  let before
  const onProgress = ({ iteration, loss, seconds }) => {
    before ??= (performance.now() - begun) / 1000 - seconds
    course.push({ iteration, loss, seconds: before + seconds })
    if (isEnough(course.at(-1))) throw ENOUGH
  }
  try {
    await factorize(X, { ...optionsOf(), maxIterations: MOST_ITERATIONS, onProgress })
  } catch (error) {
    if (error instanceof NonnegError && REFUSALS.includes(error.code)) throw new Unsupported(error.message)
    if (error !== ENOUGH) throw error
  }
  return course
}

async function toObjective() {
  const [objective, limit] = [Number(words.objective), Number(words.limit)]
  const course = await follow(({ loss, seconds }) => loss <= objective || seconds > limit)
  const lowest = course.reduce((least, { loss }) => Math.min(least, loss), Number.POSITIVE_INFINITY)
  reached = course.find(({ loss }) => loss <= objective)
  if (!reached) {
    const { iteration, seconds } = course.at(-1)
    const how = `after ${iteration} iterations and ${seconds.toFixed(1)} s`
    throw new Error(`not there ${how} from seed ${seed}, lowest loss ${lowest.toPrecision(8)}`)
  }
  return reached.seconds
}

async function drawCurve() {
  const course = await follow(({ seconds }) => seconds > Number(words.limit))
  writeFileSync(words.curve, JSON.stringify(course.map(({ seconds, loss }) => [seconds, loss])))
  return course.at(-1).seconds
}

await serve({
  async start(given) {
    words = given
    X = readMatrix(words)
    squaredNorm = (X.data ?? X.values).reduce((sum, x) => sum + x * x, 0)
    if (words.cold) return {}
    const first = await factorize(X, { ...optionsOf(), maxIterations: 1 }).catch(error => {
      if (error instanceof NonnegError && REFUSALS.includes(error.code)) throw new Unsupported(error.message)
      throw error
    })
    return { variant: words.solver === 'auto' ? `${first.backend} ${first.solver}` : first.backend }
  },
  async run() {
    const seconds = await (words.curve ? drawCurve() : toObjective())
    seed++
    return seconds
  },
  // of the factors themselves, where the last run reached the objective: that its history tells the truth
  async loss() {
    seed--
    const fit = await factorize(X, { ...optionsOf(), maxIterations: reached.iteration })
    seed++
    const loss = exactLoss(X, fit.W.data, fit.H.data, Number(words.rank), words.loss)
    if (loss > Number(words.objective) + ROUNDING * squaredNorm) {
      throw new Error(`the history says ${reached.loss}, the factors ${loss}`)
    }
    await closeDevices()
    return loss
  },
})
