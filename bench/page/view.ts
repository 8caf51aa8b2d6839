import { duration } from '../report.js'
import type { Row } from '../schema.js'
import type { Task } from './run.js'

export const byId = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T

function element(name: string, text = '', attributes: Readonly<Record<string, string>> = {}): HTMLElement {
  const made = document.createElement(name)
  made.textContent = text
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  return made
}

const figure = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)

/** The share of the peak as a bar and in words. */
function share({ roofline }: Row): HTMLElement {
  const cell = element('td')
  if (!roofline) return cell
  const percent = 100 * roofline.share
  const words = `${percent.toFixed(0)} % of ${roofline.unit === 'GB/s' ? 'memory' : 'arithmetic'}`
  const place = element('div', '', { class: 'share' })
  const bar = element('span', '', { class: 'bar', role: 'img', 'aria-label': words })
  const fill = element('i')
  // a clock may be finer for one row than for another; a bar ends at its peak all the same
  fill.style.width = `${Math.min(100, percent)}%`
  bar.append(fill)
  place.append(bar, element('span', words))
  cell.append(place)
  return cell
}

/** What a row is of, and how: without the name of the GPU, which is above. */
function title(problem: string, variant: string): HTMLElement {
  const cell = element('td')
  cell.append(element('code', problem))
  if (variant) cell.append(element('span', variant, { class: 'variant' }))
  return cell
}

function tableRow(row: Row, gpu: string): HTMLElement {
  const line = element('tr', '', row.emulated ? { class: 'emulated' } : {})
  const variant = row.variant.replace(gpu, '').trim()
  const words = row.emulated ? [variant, 'emulated'].filter(Boolean).join(', ') : variant
  line.append(title(row.problem, words))
  if (row.status !== 'measured') {
    line.append(element('td', `${row.status}: ${row.reason}`, { colspan: '4', class: 'reason' }))
    return line
  }
  // no rate of an emulated device is a figure of hardware
  const rate = (value: number | null) => (row.emulated || value === null ? '' : figure(value))
  line.append(
    element('td', duration(row.median!), { class: 'number', title: `± ${duration(row.spread!)}` }),
    element('td', rate(row.gflops), { class: 'number', 'data-unit': 'GFLOP/s' }),
    element('td', rate(row.gbs), { class: 'number', 'data-unit': 'GB/s' }),
    share(row),
  )
  return line
}

const TABLES = { iteration: 'iterations', kernel: 'kernels' } as const

/** Lists what is to be done, as rows that wait. */
export function showPlan(tasks: readonly Task[]): void {
  for (const id of Object.values(TABLES)) byId(id).replaceChildren()
  for (const value of document.querySelectorAll('#peaks dd:not(.soft)')) value.textContent = '–'
  for (const task of tasks) {
    if (task.kind === 'peaks') continue
    const line = element('tr', '', { class: 'waiting' })
    line.append(title(task.problem, ''), ...Array.from({ length: 4 }, () => element('td')))
    line.dataset.problem = task.problem
    byId(TABLES[task.kind]).append(line)
  }
}

function showPeaks(rows: readonly Row[]): void {
  for (const row of rows) {
    const value = document.querySelector(`#peaks [data-probe="${row.variant.split(' ').at(-1)}"] dd`)
    if (!value) continue
    const rate = row.gbs === null || row.variant.endsWith('fma') ? row.gflops : row.gbs
    const unit = row.variant.endsWith('fma') ? 'GFLOP/s' : 'GB/s'
    value.textContent = row.emulated ? 'emulated' : rate === null ? row.status : `${figure(rate)} ${unit}`
  }
}

/** Puts a task's rows in the place of the one that waits for them. */
export function showRows(task: Task, rows: readonly Row[], gpu: string): void {
  if (task.kind === 'peaks') {
    showPeaks(rows)
    return
  }
  const waiting = byId(TABLES[task.kind]).querySelector(`[data-problem="${CSS.escape(task.problem)}"]`)
  waiting?.replaceWith(...rows.map(row => tableRow(row, gpu)))
}
