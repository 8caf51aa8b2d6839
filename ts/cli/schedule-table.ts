import type { Comparison } from '../nmf/schedule/comparison.js'
import type { Standing } from '../nmf/schedule/standing.js'
import { brief, count, paint, seconds } from './text.js'

/** What `nonneg schedule --json` prints. Losses of runs that diverged are null, as JSON has no infinity. */
export interface ScheduleResult extends Comparison {
  readonly version: string
  readonly file: string
  readonly nonzeros: number
  readonly sparse: boolean
  /** Where the report is. */
  readonly report?: string
}

/** A loss, or that there is none. */
export function lossText(loss: number): string {
  return Number.isFinite(loss) ? brief(loss) : 'diverged'
}

/**
 * How far a loss is above another, as a share of it: `+1.2 %`, `0` below a hundredth of a percent, `×350` where it is many
 * times as large, `–` where it diverged.
 */
export function excessText(excess: number): string {
  if (!Number.isFinite(excess)) return '–'
  if (excess >= 9) return `×${brief(excess + 1)}`
  const percent = Number((100 * excess).toPrecision(2))
  return Math.abs(percent) < 0.01 ? '0' : `${percent > 0 ? '+' : '−'}${brief(Math.abs(percent))} %`
}

/** The rate; an asterisk where it is the first or last of those that were tried. */
export function rateText({ learningRate, isAtEnd }: Standing): string {
  return learningRate === null ? '–' : `${brief(learningRate)}${isAtEnd ? '*' : ''}`
}

/** What the asterisk says. */
export function endNote({ safe }: Comparison): string {
  const beyond = safe ? 'beyond the largest the bounds let nothing through' : 'a better one may lie beyond'
  return `the smallest or largest rate that was tried; ${beyond}`
}

/** Why there is less than was asked for; undefined where there is not. */
export function shortfall({ ended, seeds, budget }: Comparison): string | undefined {
  if (ended === 'done') return undefined
  const why = ended === 'aborted' ? 'interrupted' : 'out of time'
  return `${why}: ${count(seeds.length)} of ${many(budget.repeats, 'seed')}, each by every scheduler`
}

/** Headings, and the columns under them. */
function columnsOf(standings: readonly Standing[]): readonly (readonly string[])[] {
  const column = (name: string, text: (row: Standing) => string) => [name, ...standings.map(text)]
  return [
    column('final loss', ({ finalLoss }) => lossText(finalLoss.median)),
    column('over the seeds', ({ finalLoss: { least, most } }) => `${lossText(least)} … ${lossText(most)}`),
    column('above best', ({ excess }) => excessText(excess)),
    column('best loss', ({ bestLoss }) => lossText(bestLoss.median)),
    column('rate', rateText),
    column('epochs', ({ epochs }) => count(epochs)),
    column('steps', ({ steps }) => count(steps)),
    column('forwards', ({ forwards }) => count(forwards)),
    column('time', row => seconds(row.seconds)),
    column('to tune', row => (row.isReference ? '–' : seconds(row.tuningSeconds))),
  ]
}

/** A line for each contestant; that of the scheduler that ended lowest is marked. */
function evidence(standings: readonly Standing[]): string[] {
  const names = ['', ...standings.map(({ name, isReference }) => (isReference ? `${name} (no rate)` : name))]
  const columns = columnsOf(standings)
  const nameWidth = Math.max(...names.map(name => name.length))
  const widths = columns.map(texts => Math.max(...texts.map(text => text.length)))
  const first = standings.find(({ isReference }) => !isReference)
  return names.map((name, line) => {
    const row = standings[line - 1]
    const cells = columns.map((texts, at) => texts[line].padStart(widths[at]))
    const text = [`${row === first && line > 0 ? '→' : ' '} ${name.padEnd(nameWidth)}`, ...cells].join('  ')
    if (line === 0 || row.isReference) return paint('dim', text, process.stdout)
    return row === first ? paint('bold', text, process.stdout) : text
  })
}

/** The backend that ran the fits, in words. */
export function backendText({ backend, emulated, threads }: Comparison): string {
  if (emulated) return `${backend}, emulated on the CPU`
  const onThreads = backend === 'native' || backend === 'wasm'
  return onThreads ? `${backend}, ${threads} thread${threads === 1 ? '' : 's'}` : backend
}

const many = (number: number, word: string): string => `${count(number)} ${word}${number === 1 ? '' : 's'}`

/** What each scheduler was given, in a sentence. */
export function budgetText({ budget, standings }: Comparison): string {
  const { rates, tuningEpochs, repeats, epochs } = budget
  const schedulers = standings.filter(({ isReference }) => !isReference).length
  const [tuning, full] = [`${many(rates.length, 'rate')} × ${many(tuningEpochs, 'epoch')}`, many(repeats, 'seed')]
  return `${many(schedulers, 'scheduler')}, each ${tuning} to tune, then ${full} × ${many(epochs, 'epoch')}`
}

/** The result for people. */
export function scheduleTable(result: ScheduleResult): string {
  const { rows, columns, nonzeros, rank, standings, batchRows, noise, safe, report } = result
  const steps = `batches of ${batchRows === 1 ? 'one row' : `${count(batchRows)} rows`}, ${safe ? 'rates bounded' : 'rates as they come'}`
  const short = shortfall(result)
  const lines: [string, string][] = [
    ['matrix', `${count(rows)} × ${count(columns)}, ${count(nonzeros)} non-zeros, rank ${count(rank)}`],
    ['budget', budgetText(result)],
    ['steps', noise > 0 ? `${steps}, noise ${brief(noise)}` : steps],
    ['backend', backendText(result)],
    ['took', seconds(result.seconds)],
    ...(short === undefined ? [] : [['note', short] as [string, string]]),
    ...(report === undefined ? [] : [['report', report] as [string, string]]),
  ]
  if (standings.some(({ isAtEnd }) => isAtEnd)) {
    lines.push(['*', endNote(result)])
  }
  const facts = lines.map(([name, text]) => `${paint('dim', name.padEnd(9), process.stdout)}${text}`)
  return `${[...evidence(standings), '', ...facts].join('\n')}\n`
}
