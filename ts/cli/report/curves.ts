import type { Comparison } from '../../nmf/schedule/comparison.js'
import type { Contestant } from '../../nmf/schedule/protocol.js'
import { spreadOf } from '../../nmf/schedule/standing.js'
import { type Course, finalLoss } from '../../nmf/schedule/trial.js'
import { type Axis, chart, type Line, type Point } from './chart.js'

/** How lines of a contestant are marked: by its place, or for solvers without a rate by their name. */
export function classOf({ contestants }: Comparison, { name, isReference }: Contestant): string {
  return isReference ? name : `s${contestants.findIndex(one => one.name === name)}`
}

/** Losses over epochs, as far as they are numbers that a logarithm takes. */
function drawable(losses: readonly number[]): readonly Point[] {
  const end = losses.findIndex(loss => !(loss > 0 && Number.isFinite(loss)))
  return losses.slice(0, end === -1 ? losses.length : end).map((loss, epoch): Point => [epoch, loss])
}

/** The middle of several runs at each epoch that all have come to. */
function middle(runs: readonly Course[]): readonly Point[] {
  const curves = runs.map(({ losses }) => drawable(losses))
  const length = Math.min(...curves.map(curve => curve.length))
  return Array.from({ length }, (_, epoch): Point => [epoch, spreadOf(curves.map(curve => curve[epoch][1])).median])
}

/** After this share of the epochs the loss of a usual run is in the picture: what matters is how runs end. */
const LEAD_IN = 0.1
/** Runs that end above so many times the least loss leave the picture, as would show nothing of the others. */
const HEADROOM = 3
/** Room above and below the losses, as a share of their range in logarithms. */
const ROOM = 0.06

const positive = (values: readonly number[]) => values.filter(value => value > 0 && Number.isFinite(value))

/** From below the least loss to above the greatest of those that are to be seen. */
function lossAxis(values: readonly number[], tops: readonly number[], title: string): Axis {
  const least = values.length > 0 ? Math.min(...values) : 1
  const most = Math.max(least * 1.001, ...tops.filter(loss => loss <= HEADROOM * least))
  const room = (most / least) ** ROOM
  return { kind: 'log', from: least / room, to: most * room, title }
}

const allLosses = ({ contestants }: Comparison) =>
  contestants.flatMap(({ runs }) => runs.flatMap(({ losses }) => positive(losses)))

/** For what is drawn; the solvers without a rate come into the picture where the schedulers are. */
function axisOfLosses({ contestants, budget }: Comparison, drawn: readonly number[]): Axis {
  const courses = contestants.filter(({ isReference }) => !isReference).flatMap(({ runs }) => runs)
  const early = positive(courses.map(({ losses }) => losses[Math.ceil(LEAD_IN * budget.epochs)]))
  const usual = early.length > 0 ? [spreadOf(early).median] : []
  return lossAxis(drawn, [...usual, ...positive(courses.map(finalLoss))], 'loss')
}

const epochsAxis = ({ budget }: Comparison): Axis => ({ kind: 'linear', from: 0, to: budget.epochs, title: 'epochs' })

/** The losses of all contestants, each the middle of its seeds. */
export function lossChart(comparison: Comparison): string {
  const lines = comparison.contestants.map((contestant): Line => {
    const { name, runs } = contestant
    return { points: middle(runs), className: classOf(comparison, contestant), name }
  })
  const drawn = lines.flatMap(({ points }) => points.map(([, loss]) => loss))
  const axes = { x: epochsAxis(comparison), y: axisOfLosses(comparison, drawn) }
  const title = 'Loss over epochs, one line a scheduler'
  return chart({ id: 'losses', title, width: 1000, height: 440, ...axes, lines })
}

/** Where each run that tuned has ended, over the rate that it began with. */
export function tuningChart(comparison: Comparison): string {
  const { contestants, budget } = comparison
  const tuned = contestants.filter(({ isReference }) => !isReference)
  const lines = tuned.map((contestant): Line => {
    const points = contestant.tuning.map(({ rate, course }): Point => [rate, finalLoss(course)])
    const sound = points.filter(([, loss]) => loss > 0 && Number.isFinite(loss))
    return { points: sound, className: classOf(comparison, contestant), name: contestant.name, dots: true }
  })
  const ends = lines.flatMap(({ points }) => points.map(([, loss]) => loss))
  const [least, most] = [budget.rates[0], budget.rates[budget.rates.length - 1]]
  const x: Axis = { kind: 'log', from: least / 1.15, to: most * 1.15, title: `initial rate ${rateName(comparison)}` }
  const y = lossAxis(ends, ends, `loss after ${budget.tuningEpochs} epochs`)
  const title = 'Final loss of the tuning runs over their initial rate, one line a scheduler'
  return chart({ id: 'tuning', title, width: 1000, height: 360, x, y, lines })
}

/** u is a share of the bound on the rate; η is the rate itself. */
export function rateName({ safe }: Comparison): string {
  return safe ? 'u' : 'η'
}

/** The losses of one contestant, a line a seed, over those of the others. */
export function ownLosses(comparison: Comparison, contestant: Contestant): string {
  const className = `${classOf(comparison, contestant)} thin`
  const { seeds, contestants } = comparison
  const others = contestants.filter(one => one !== contestant)
  const lines = [
    ...others.map(({ name, runs }): Line => ({ points: middle(runs), className: 'faint', name })),
    ...contestant.runs.map(
      ({ losses }, i): Line => ({ points: drawable(losses), className, name: `${contestant.name}, seed ${seeds[i]}` }),
    ),
  ]
  const title = `Loss of ${contestant.name} over epochs, one line a seed`
  const size = {
    width: 330,
    height: 230,
    x: epochsAxis(comparison),
    y: axisOfLosses(comparison, allLosses(comparison)),
  }
  return chart({ id: `losses-${contestant.name}`, title, ...size, lines })
}

/** The rates of one contestant, a line a seed. */
export function ownRates(comparison: Comparison, contestant: Contestant): string {
  const className = `${classOf(comparison, contestant)} thin`
  const lines = contestant.runs.map(({ rates, every, steps, losses }, i): Line => {
    const epochs = losses.length - 1
    const points = rates.map((rate, at): Point => [(at * every * epochs) / Math.max(1, steps), rate])
    return { points, className, name: `${contestant.name}, seed ${comparison.seeds[i]}` }
  })
  const most = Math.max(1e-12, ...lines.flatMap(({ points }) => points.map(([, rate]) => rate)))
  const y: Axis = { kind: 'linear', from: 0, to: most * 1.08, title: `rate ${rateName(comparison)}` }
  const title = `Learning rate of ${contestant.name} over epochs, one line a seed`
  const size = { width: 330, height: 230, x: epochsAxis(comparison), y }
  return chart({ id: `rates-${contestant.name}`, title, ...size, lines })
}
