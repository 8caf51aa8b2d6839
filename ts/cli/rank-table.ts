import type { RankChoice, RankRow } from '../nmf/rank/choice.js'
import { brief, count, paint, seconds } from './text.js'

/** What `nonneg rank --json` prints. */
export interface RankResult extends Omit<RankChoice, 'explain' | 'plot'> {
  readonly version: string
  readonly file: string
  readonly rows: number
  readonly columns: number
  readonly nonzeros: number
  readonly sparse: boolean
  /** Where the chart is. */
  readonly plot?: string
}

/** Headings, and the columns under them. */
function columnsOf({ method, table }: RankResult): readonly (readonly string[])[] {
  const column = (name: string, text: (row: RankRow) => string) => [name, ...table.map(text)]
  const ranks = column('rank', row => String(row.rank))
  const mean = ({ mean, spread }: RankRow) => `${brief(mean)} ± ${brief(spread)}`
  if (method === 'cross-validation') {
    return [ranks, column('held-out error', mean), column('error of what was seen', row => brief(row.training!))]
  }
  return [
    ranks,
    column('dispersion', row => brief(row.dispersion!)),
    column('cophenetic', row => brief(row.cophenetic!)),
    column('loss of an entry', mean),
  ]
}

/** The evidence, a line for each rank, the chosen one marked. */
function evidence(result: RankResult): string[] {
  const columns = columnsOf(result)
  const widths = columns.map(texts => Math.max(...texts.map(text => text.length)))
  return columns[0].map((_, line) => {
    const mark = line > 0 && result.table[line - 1].rank === result.rank ? '→ ' : '  '
    const text = mark + columns.map((texts, at) => texts[line].padStart(widths[at])).join('   ')
    if (line === 0) return paint('dim', text, process.stdout)
    return mark === '→ ' ? paint('bold', text, process.stdout) : text
  })
}

function where({ backend, emulated, threads }: RankResult): string {
  if (emulated) return `${backend}, emulated on the CPU`
  const onThreads = backend === 'native' || backend === 'wasm'
  return onThreads ? `${backend}, ${threads} thread${threads === 1 ? '' : 's'} a fit` : backend
}

/** The result for people. */
export function rankTable(result: RankResult): string {
  const { method, replicates, samples, rank, why, concurrency, table, plot } = result
  const fits = `${count(table.length * replicates)} fits, ${concurrency} at once, ${seconds(result.seconds)}`
  const compared = samples === undefined ? '' : `, ${count(samples)} of ${count(result.rows)} rows compared`
  const lines: [string, string][] = [
    ['matrix', `${count(result.rows)} × ${count(result.columns)}, ${count(result.nonzeros)} non-zeros`],
    ['method', `${method}, ${replicates} replicates${compared}`],
    ['rank', `${rank}: ${why}`],
    ['backend', where(result)],
    ['took', fits],
    ...(plot === undefined ? [] : [['plot', plot] as [string, string]]),
  ]
  const facts = lines.map(([name, text]) => `${paint('dim', name.padEnd(9), process.stdout)}${text}`)
  return `${[...evidence(result), '', ...facts].join('\n')}\n`
}
