import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { type BoutResult, type Entrant, hold } from '../bout.js'
import { Contestant, NoTimes } from '../contestant.js'
import { type Case, caseProblem } from './cases.js'
import type { DataSet } from './data.js'
import { caseWords, OWN_SOLVERS, ours, oursCold, scikitLearn } from './entrants.js'
import { exactLoss } from './exact-loss.js'
import { readBuffer, readMatrix } from './matrix.js'
import type { CaseResult, Curve } from './schema.js'

const FOLDER = path.join('build', 'bench', 'objective')
/** A solver that takes longer than scikit-learn is no way to the objective, nor is one that takes longer than `most` seconds. */
const LIMIT_SECONDS = { least: 3, most: 20 }
/** Where scikit-learn takes longer than this, fewer rounds are held. */
const LONG_SECONDS = 20
const LONG_ROUNDS = 2
/** A curve shows how solvers fall, not how long they can stay. */
const CURVE_SECONDS = { least: 1, most: 5 }
const CURVE_POINTS = 150
/** What an answer may take beyond the seconds of the best so far: reading files, importing scikit-learn. */
const PATIENCE_SECONDS = 10
/** How far scikit-learn's own word for its loss, in the precision of its factors, may be from what they are worth. */
const AGREEMENT = 1e-3

/** scikit-learn's fastest way to stop, and where it stops. */
interface Pilot {
  readonly entrant: Entrant
  readonly seconds: number
  readonly objective: number
  readonly reported: number
}

/** The loss of the factors that scikit-learn left in a folder. */
function lossOf(folder: string, one: Case, data: DataSet): number {
  const factor = (name: string) => new Float64Array(readBuffer(path.join(folder, name)))
  const X = readMatrix(caseWords(one, data))
  return exactLoss(X, factor('W'), factor('H'), one.rank, one.loss)
}

async function pilotOf(entrant: Entrant, one: Case, data: DataSet): Promise<Pilot> {
  const contestant = await Contestant.open(entrant, 'way')
  try {
    const seconds = await contestant.sample()
    const reported = (await contestant.loss())!
    const objective = lossOf(String(entrant.start.factors), one, data)
    if (Math.abs(reported - objective) > AGREEMENT * objective) {
      throw new Error(`scikit-learn says ${reported} of factors whose loss is ${objective}`)
    }
    return { entrant, seconds, objective, reported }
  } finally {
    await contestant.close()
  }
}

/**
 * Both precisions, and where X is dense, so that its library multiplies, the faster of them on one thread: more are not
 * always faster. One that is slower than another before it is not waited for. @throws NoTimes where none ends
 */
async function fastestPilot(one: Case, data: DataSet, threads: number): Promise<Pilot> {
  const words = { ...caseWords(one, data), factors: path.join(FOLDER, 'factors') }
  let best = await pilotOf(scikitLearn('f32', threads, words), one, data)
  const challenge = async (dtype: 'f32' | 'f64', count: number) => {
    const entrant = { ...scikitLearn(dtype, count, words), patience: best.seconds + PATIENCE_SECONDS }
    try {
      const pilot = await pilotOf(entrant, one, data)
      if (pilot.seconds < best.seconds) best = { ...pilot, entrant: scikitLearn(dtype, count, words) }
    } catch (error) {
      if (!(error instanceof NoTimes)) throw error
    }
  }
  await challenge('f64', threads)
  if (threads > 1 && !data.sparse) await challenge(best.entrant.dtype, 1)
  return best
}

/** Points so many that none of those left out would show on an axis of log seconds. */
function thinned(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const [first, last] = [points[0][0], points.at(-1)![0]]
  const step = (last / first) ** (1 / CURVE_POINTS)
  let next = first
  return points.filter(([seconds], i) => {
    if (seconds < next && i < points.length - 1) return false
    next = seconds * step
    return true
  })
}

async function curveOf(name: string, entrant: Entrant, limit: number): Promise<Curve | undefined> {
  const file = path.join(FOLDER, 'curve.json')
  rmSync(file, { force: true })
  const spec = { ...entrant, start: { ...entrant.start, limit, curve: file } }
  let contestant: Contestant | undefined
  try {
    contestant = await Contestant.open(spec, 'way')
    await contestant.sample()
    const points = thinned(JSON.parse(readFileSync(file, 'utf8')))
    const rounded = (place: 0 | 1) => points.map(point => Number(point[place].toPrecision(8)))
    return { name, seconds: rounded(0), losses: rounded(1) }
  } catch (error) {
    // a solver that is not for this loss; its row says why
    if (error instanceof NoTimes) return undefined
    throw error
  } finally {
    await contestant?.close()
  }
}

/** One race: who is scikit-learn's fastest and where it stops; then all by turns; then a curve each. @throws NoTimes */
export async function measureCase(
  one: Case,
  data: DataSet,
  threads: number,
  rounds: number,
): Promise<BoutResult & { result: CaseResult }> {
  mkdirSync(FOLDER, { recursive: true })
  const pilot = await fastestPilot(one, data, threads)
  const { objective, reported } = pilot
  const within = (seconds: number, { least, most }: { least: number; most: number }) =>
    Math.min(most, Math.max(least, seconds))
  const limit = within(pilot.seconds, LIMIT_SECONDS)
  const words = { ...caseWords(one, data), objective, limit }
  const problem = caseProblem(one, data)
  const own = OWN_SOLVERS.map(solver => ours(solver, threads, words))
  const entrants = [own[0], pilot.entrant, ...own.slice(1), oursCold(threads, words)]
  const held = pilot.seconds > LONG_SECONDS ? Math.min(LONG_ROUNDS, rounds) : rounds
  const outcome = await hold({ group: 'objective', problem, unit: 'way', entrants }, held)
  const longest = within(pilot.seconds, CURVE_SECONDS)
  const curves: Curve[] = []
  const draw = async (name: string, entrant: Entrant) => {
    const curve = await curveOf(name, entrant, longest)
    if (curve) curves.push(curve)
  }
  await draw('scikit-learn', pilot.entrant)
  for (const [i, entrant] of own.entries()) await draw(`nonneg ${OWN_SOLVERS[i]}`, entrant)
  const { rows, columns, nonzeros, sparse } = data
  return { ...outcome, result: { ...one, problem, rows, columns, nonzeros, sparse, objective, reported, curves } }
}
