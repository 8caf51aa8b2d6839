import { duration, machine, type Notes, table } from '../report.js'
import { type Row, rowName } from '../schema.js'
import { caseStem } from './cases.js'
import { autoRow, coldRow, peerRow, shareOf, showShare } from './goals.js'
import type { CaseResult, ObjectiveResults } from './schema.js'

const LOSS_TITLES = { frobenius: 'Frobenius', 'kullback-leibler': 'Kullback–Leibler', 'itakura-saito': 'Itakura–Saito' }

const time = (row: Row | undefined): string => {
  if (!row) return 'not measured'
  return row.status === 'measured' ? `${duration(row.median!)} ± ${duration(row.spread!)}` : row.status
}

function race(one: CaseResult, results: ObjectiveResults): string[] {
  const { title, loss, rank, rows, columns, problem, goal } = one
  const share = shareOf(results, one)
  return [
    `[${title}](#${anchor(one)}), ${rows} × ${columns}, rank ${rank}`,
    LOSS_TITLES[loss],
    time(peerRow(results, problem)),
    time(autoRow(results, problem)),
    time(coldRow(results, problem)),
    share === undefined ? '' : showShare(share),
    `≤ ${goal}`,
    share === undefined ? 'not measured' : share <= goal ? 'met' : 'not met',
  ]
}

const heading = ({ title, loss }: CaseResult) => `${title}, ${LOSS_TITLES[loss]}`

/** As GitHub makes it of the heading. */
const anchor = (one: CaseResult) =>
  heading(one)
    .toLowerCase()
    .replace(/[^\p{L}\p{N} -]/gu, '')
    .replaceAll(' ', '-')

/** A figure with as many digits as tell one objective from another. */
const figure = (value: number) => value.toPrecision(8)

function section(one: CaseResult, results: ObjectiveResults): string[] {
  const own = results.rows.filter(row => row.problem === one.problem)
  const entries = one.sparse ? `${one.nonzeros} non-zeros` : 'dense'
  const peer = peerRow(results, one.problem)
  const cells = (row: Row) => {
    if (row.status !== 'measured') return [rowName(row), `${row.status}: ${row.reason}`, '', '']
    const share = peer && row !== peer ? showShare(row.median! / peer.median!) : ''
    return [rowName(row), time(row), share, row.loss === null ? '' : figure(row.loss)]
  }
  return [
    `## ${heading(one)}`,
    '',
    `${one.rows} × ${one.columns}, ${entries}, rank ${one.rank}. The objective is ${figure(one.objective)}.`,
    '',
    `![Loss against seconds: ${heading(one)}](objective/${caseStem(one)}.svg)`,
    '',
    ...table(
      ['who', 'seconds to the objective', 'share of scikit-learn’s', 'loss there'],
      own.map(row => cells(row)),
    ),
    '',
  ]
}

/** docs/objective.md, from a file of results and the notes of bench/notes.json. */
export function objectivePage(results: ObjectiveResults, notes: Notes, source: string): string {
  const { environment, lines, cases } = results
  const goal = ({ id, what, target, measured, status }: (typeof lines)[number]) => [
    what,
    target,
    measured,
    status,
    status !== 'pass' ? (notes[id] ?? '') : '',
  ]
  return `${[
    '# Time to an objective',
    '',
    'How long does it take to a factorisation as good as the one at which scikit-learn stops? scikit-learn’s `NMF` runs with its',
    'defaults until it stops by its own tolerance; nonneg’s solvers run until their loss is no higher.',
    `Made by \`npm run bench:objective\` from [${source}](../${source}); how it measures is in`,
    '[bench/METHOD.md](../bench/METHOD.md#time-to-an-objective). Figures hold for this machine and hour; the shares compare rows that',
    'took turns.',
    '',
    ...machine(environment),
    '',
    ...table(
      ['data', 'loss', 'scikit-learn', 'nonneg `auto`', 'first fit of a process', 'share', 'goal', ''],
      cases.map(one => race(one, results)),
    ),
    '',
    ...table(['goal', 'wanted', 'measured', '', 'why'], lines.map(goal)),
    '',
    'Times of “± 0” are of one round; cases may come from runs of their own, the processor and the versions being the same.',
    '',
    ...cases.flatMap(one => section(one, results)),
  ]
    .join('\n')
    .trimEnd()}\n`
}
