import type { Contestant } from '../../nmf/schedule/protocol.js'
import type { Standing } from '../../nmf/schedule/standing.js'
import { SCHEDULERS, type SchedulerName } from '../../schedulers/registry.js'
import {
  backendText,
  endNote,
  excessText,
  lossText,
  rateText,
  type ScheduleResult,
  shortfall,
} from '../schedule-table.js'
import { brief, count, seconds } from '../text.js'
import { escapeText } from './chart.js'
import { classOf, lossChart, ownLosses, ownRates, rateName, tuningChart } from './curves.js'
import { style } from './style.js'

/** The machine, and what ran on it. */
export interface Environment {
  readonly date: string
  readonly node: string
  readonly system: string
  readonly processor: string
}

/** The result in a sentence or two, with what speaks against making much of it. */
function verdict({ contestants, standings, seeds }: ScheduleResult): string {
  const schedulers = standings.filter(({ isReference }) => !isReference)
  const [first, second] = schedulers
  const over = `over ${seeds.length} seed${seeds.length === 1 ? '' : 's'}`
  const led = `<strong>${escapeText(first.name)}</strong> ended lowest: median loss ${lossText(first.finalLoss.median)} ${over}.`
  if (!second) return led
  const finals = (name: string) => contestants.find(one => one.name === name)!.runs.map(({ losses }) => losses.at(-1)!)
  const [own, others] = [finals(first.name), finals(second.name)]
  const ahead = own.filter((loss, i) => loss < others[i]).length
  const next = escapeText(second.name)
  if (ahead === seeds.length) return `${led} It was ahead of ${next}, the next, from every seed.`
  return `${led} It was ahead of ${next}, the next, from ${ahead} of ${seeds.length} seeds: call that a draw.`
}

const HEADINGS = [
  'scheduler',
  'final loss',
  'over the seeds',
  'above best',
  'best loss',
  'rate',
  'epochs',
  'steps',
  'forwards',
  'time',
  'to tune',
]

function tableRow(result: ScheduleResult, row: Standing, isFirst: boolean): string {
  const contestant = result.contestants.find(({ name }) => name === row.name)!
  const { finalLoss, bestLoss, epochs, steps, forwards, isReference } = row
  const cells = [
    `<span class="swatch ${classOf(result, contestant)}"></span>${escapeText(row.name)}`,
    lossText(finalLoss.median),
    `${lossText(finalLoss.least)} … ${lossText(finalLoss.most)}`,
    excessText(row.excess),
    lossText(bestLoss.median),
    rateText(row),
    ...[epochs, steps, forwards].map(count),
    seconds(row.seconds),
    isReference ? '–' : seconds(row.tuningSeconds),
  ]
  const className = isReference ? 'reference' : isFirst ? 'first' : ''
  return `<tr class="${className}">${cells.map(cell => `<td>${cell}</td>`).join('')}</tr>`
}

function table(result: ScheduleResult): string {
  const { standings } = result
  const first = standings.find(({ isReference }) => !isReference)
  return `<div class="card scroll"><table><thead><tr>${HEADINGS.map(name => `<th>${name}</th>`).join('')}</tr></thead>
<tbody>${standings.map(row => tableRow(result, row, row === first)).join('\n')}</tbody></table></div>`
}

/** Lines can be hidden: the style sheet follows the boxes, without a script. */
function legend(result: ScheduleResult): string {
  const items = result.contestants.map((contestant, i) => {
    const className = classOf(result, contestant)
    const swatch = `<span class="swatch ${className}"></span>`
    const name = escapeText(contestant.name)
    if (contestant.isReference) return `<label class="${className}">${swatch}${name}, no rate</label>`
    return `<label class="${className}"><input type="checkbox" id="show${i}" checked>${swatch}${name}</label>`
  })
  return `<div class="legend">${items.join('\n')}</div>`
}

function pair(result: ScheduleResult, contestant: Contestant): string {
  const { name } = contestant
  const { summary } = SCHEDULERS[name as SchedulerName]
  const swatch = `<span class="swatch ${classOf(result, contestant)}"></span>`
  return `<article class="card pair"><header><h3>${swatch}${escapeText(name)}</h3><p class="soft">${escapeText(summary)}</p></header>
${ownLosses(result, contestant)}
${ownRates(result, contestant)}</article>`
}

function protocol({ budget, noise, safe, batchRows }: ScheduleResult): string {
  const { rates, tuningEpochs, repeats, epochs, seed } = budget
  const unit = safe
    ? 'Rates are shares u of the largest step that the curvature allows: a step of W is 2u over the largest eigenvalue of H·Hᵀ, that of H is 2u over a bound for batches of W. Whatever a scheduler answers is kept below that bound.'
    : 'Rates are lengths η of steps, as the schedulers answer them; nothing keeps them from diverging.'
  const disturbed =
    noise > 0 ? ` Every entry of a gradient is disturbed by noise of standard deviation ${brief(noise)}.` : ''
  return `<ol>
<li>Each scheduler is tried with the same ${rates.length} initial rates, ${rates.map(brief).join(', ')}, for ${tuningEpochs} epochs on seed ${seed}. A scheduler that has an end is made to end with the run. The rate whose run ended lowest goes on.</li>
<li>With that rate it runs for ${epochs} epochs from ${repeats} seeds, ${seed + 1} to ${seed + repeats}, which had no part in the choice.</li>
<li>Runs of one seed share the start, the order of the batches and the noise, whatever the scheduler: they differ by it alone. “Above best” is the median, over the seeds, of how far a run ended above the best scheduler of its seed.</li>
<li>A batch is ${count(batchRows)} rows. ${unit}${disturbed}</li>
<li>Losses are of the whole matrix after each epoch. What it takes to find them is in no column of time; forwards are looks at the loss of one batch. The time to tune is that of all runs that found the rate.</li>
<li>mu and online are multiplicative updates that need no rate, over as many passes. They see no noise.</li>
</ol>`
}

function facts(result: ScheduleResult, environment: Environment): string {
  const { version, file, rows, columns, nonzeros, sparse, rank, batchRows, noise, safe, budget } = result
  const list: [string, string][] = [
    [
      'matrix',
      `${file}: ${count(rows)} × ${count(columns)}, ${count(nonzeros)} non-zeros, ${sparse ? 'sparse' : 'dense'}`,
    ],
    ['rank', count(rank)],
    ['backend', backendText(result)],
    ['batches', `${count(batchRows)} rows`],
    ['rates', safe ? 'shares of the bound, kept below it' : 'as they come, unbounded'],
    ['noise', noise === 0 ? 'none' : brief(noise)],
    ['seeds', `${budget.seed} to tune, ${result.seeds.join(', ')} to compare`],
    ['took', `${seconds(result.seconds)} in all`],
    ['machine', `${environment.processor}; ${environment.system}`],
    ['software', `nonneg ${version}, Node ${environment.node}`],
    ['date', environment.date],
  ]
  return `<dl>${list.map(([name, text]) => `<dt>${name}</dt><dd>${escapeText(text)}</dd>`).join('\n')}</dl>`
}

/** The result as a page that stands by itself: nothing is fetched, nothing runs. */
export function scheduleReport(result: ScheduleResult, environment: Environment): string {
  const { file, rows, columns, rank, contestants, standings } = result
  const schedulers = contestants.filter(({ isReference }) => !isReference)
  const short = shortfall(result)
  const note = short === undefined ? '' : `<p><strong>${escapeText(short)}.</strong></p>`
  const ends = standings.some(({ isAtEnd }) => isAtEnd) ? `<p class="soft">* ${escapeText(endNote(result))}.</p>` : ''
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Schedulers on ${escapeText(file)}</title>
<style>${style(schedulers.length)}</style>
</head>
<body>
<main>
<h1>Learning-rate schedulers side by side</h1>
<p class="soft">${escapeText(file)}, ${count(rows)} × ${count(columns)}, rank ${count(rank)}</p>
<p>${verdict(result)}</p>
${note}
${table(result)}
${ends}
<h2>Loss</h2>
<p class="soft">½‖X − WH‖² after each epoch, the median of the seeds. What lies far above the others leaves the picture.</p>
<div class="card overlay">${legend(result)}
${lossChart(result)}</div>
<h2>One by one</h2>
<p class="soft">Left the loss, a line a seed, over the others in grey; right the rate ${rateName(result)} that the scheduler answered.</p>
<div class="pairs">
${schedulers.map(contestant => pair(result, contestant)).join('\n')}
</div>
<h2>How much the initial rate matters</h2>
<p class="soft">Where the runs that tuned ended. A flat line is a scheduler that forgives a wrong rate; a point that is missing has diverged or lies above.</p>
<div class="card overlay">
${tuningChart(result)}</div>
<h2>How they were compared</h2>
${protocol(result)}
<h2>On what</h2>
${facts(result, environment)}
<footer>Made by nonneg ${escapeText(result.version)}, nonneg schedule.</footer>
</main>
</body>
</html>
`
}
