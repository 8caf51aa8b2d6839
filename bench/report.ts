import type { Measured } from './machines.js'
import { type Comparison, type Environment, type Line, type Results, type Row, rowName } from './schema.js'

/** Why a line falls short, or what to know of it, by the line's id. */
export type Notes = Readonly<Record<string, string>>

const cell = (text: string) => text.replaceAll('|', '\\|')

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

/** Seconds in the unit that gives three or four digits. */
export function duration(seconds: number): string {
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(1)} µs`
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.1 ? 2 : 1)} ms`
  return `${seconds.toFixed(2)} s`
}

/** A count with three digits and the letter of its thousands: 128 M. */
export function bulk(count: number): string {
  const units = ['', ' k', ' M', ' G', ' T']
  const power = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3))
  const value = count / 1000 ** power
  return `${value.toFixed(power === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2)}${units[power]}`
}

export function machine(environment: Environment): string[] {
  const { cpu, cores, caches, memoryGiB, platform, browser, node, v8, nonneg, commit, date, seconds, rounds } =
    environment
  const { loadBefore, loadAfter, stolen } = environment
  const taken = stolen === null ? '' : `, ${(100 * stolen).toFixed(1)} % of the processor time taken by other guests`
  const load = browser ? '' : `; load ${loadBefore.toFixed(2)} before and ${loadAfter.toFixed(2)} after${taken}`
  return [
    `- ${[cpu, `${cores} cores`, ...caches, `${memoryGiB} GiB`, platform].join(', ')}`,
    `- ${browser ?? `Node ${node} (V8 ${v8})`}, nonneg ${nonneg} at ${commit}`,
    `- ${date.slice(0, 16).replace('T', ' ')} UTC, ${Math.round(seconds / 60)} minutes, ${rounds} rounds${load}`,
  ]
}

/** The rows and comparisons of one bout, as lines for a terminal. */
export function bulletin(rows: readonly Row[], comparisons: readonly Comparison[]): string {
  const figures = (row: Row) => {
    const name = `  ${rowName(row)}`.padEnd(44)
    if (row.status !== 'measured') return `${name} ${row.status}: ${row.reason}`
    if (row.emulated) return `${name} ${duration(row.median!)} ± ${duration(row.spread!)}, which says nothing of a GPU`
    const rates = [
      row.gflops === null ? '' : `${row.gflops.toFixed(1)} GFLOP/s`,
      row.gbs === null ? '' : `${row.gbs.toFixed(1)} GB/s`,
    ]
    const share = row.roofline ? `${(100 * row.roofline.share).toFixed(0)} % of the roof` : ''
    const all = [`${duration(row.median!)} ± ${duration(row.spread!)}`, ...rates, share].filter(Boolean)
    return `${name} ${all.join(', ')}`
  }
  return [rows[0].problem, ...rows.map(figures), ...comparisons.map(one => `    ${verdict(one)}`)].join('\n')
}

function goal({ id, what, target, measured, status }: Line, notes: Notes): string[] {
  return [what, target, measured, status, status === 'short' ? (notes[id] ?? '') : '']
}

function figures(row: Row): string[] {
  const label = [row.backend, row.variant, String(row.threads)]
  if (row.status !== 'measured') return [...label, `${row.status}: ${row.reason}`, '', '', '']
  const share = row.roofline
    ? `${(100 * row.roofline.share).toFixed(0)} % of ${row.roofline.value.toFixed(1)} ${row.roofline.unit}`
    : ''
  return [
    ...label,
    `${duration(row.median!)} ± ${duration(row.spread!)}`,
    row.gflops === null ? '' : row.gflops.toFixed(1),
    row.gbs === null ? '' : row.gbs.toFixed(1),
    share,
  ]
}

/** `native is 2.1 times as fast as …`, or that nothing can be said. */
export function verdict({ row, against, ratio, differs }: Comparison): string {
  if (!differs) return `${row} and ${against} do not differ by more than chance`
  const [fast, slow, factor] = ratio >= 1 ? [row, against, ratio] : [against, row, 1 / ratio]
  return `${fast} is ${factor.toFixed(2)} times as fast as ${slow}`
}

function problems(results: Results): string[] {
  const groups = [...new Set(results.rows.map(row => row.group))]
  return groups.flatMap(group => {
    const rows = results.rows.filter(row => row.group === group)
    const names = [...new Set(rows.map(row => row.problem))]
    return [
      `### ${group}`,
      '',
      ...names.flatMap(problem => {
        const own = rows.filter(row => row.problem === problem)
        const said = results.comparisons.filter(
          one => one.problem === problem && own.some(row => rowName(row) === one.row),
        )
        return [
          `\`${problem}\`, seconds of one ${own[0].unit}:`,
          '',
          ...table(
            ['backend', 'variant', 'threads', 'median ± MAD', 'GFLOP/s', 'GB/s', 'of the roof'],
            own.map(figures),
          ),
          '',
          ...said.map(one => `- ${verdict(one)}`),
          ...(said.length > 0 ? [''] : []),
        ]
      }),
    ]
  })
}

/** What the goals came to on another machine. */
function elsewhere({ source, results }: Measured): string[] {
  return [
    `### [${source}](../${source})`,
    '',
    ...machine(results.environment),
    '',
    ...table(
      ['what', 'goal', 'measured', ''],
      results.lines.map(({ what, target, measured, status }) => [what, target, measured, status]),
    ),
    '',
  ]
}

/** docs/performance.md, from a file of results, the notes of bench/notes.json and results of other machines. */
export function performancePage(
  results: Results,
  notes: Notes,
  source: string,
  others: readonly Measured[] = [],
): string {
  const { environment, lines } = results
  return `${[
    '# Performance',
    '',
    `Made by \`npm run bench\` from [${source}](../${source}); how it measures is in [bench/METHOD.md](../bench/METHOD.md). Figures`,
    'hold for this machine and hour; the ratios and shares compare rows that took turns. GPUs have pages of their own, which say how to make',
    'their figures: [webgpu.md](webgpu.md) and [cuda.md](cuda.md).',
    '',
    ...machine(environment),
    '',
    '## Goals',
    '',
    ...table(
      ['what', 'goal', 'measured', '', 'why'],
      lines.map(line => goal(line, notes)),
    ),
    '',
    '## All rows',
    '',
    ...problems(results),
    ...(others.length > 0 ? ['## Goals on other machines', '', ...others.flatMap(elsewhere)] : []),
  ]
    .join('\n')
    .trimEnd()}\n`
}
