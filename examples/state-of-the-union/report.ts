import type { Factorization } from 'nonneg'
import { COLOURS, lossAgainstSeconds, titleOf, topicsOverYears } from './charts.js'
import type { Corpus } from './corpus.js'
import type { Result } from './race.js'
import type { Topic } from './topics.js'

const escapeHtml = (text: string) => text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`)

const STYLE = `
:root { color-scheme: light; }
body { margin: 0; background: #f8fafc; color: #1f2937; font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 1140px; margin: 0 auto; padding: 40px 20px 80px; }
h1 { font-size: 34px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -0.02em; }
h2 { font-size: 21px; margin: 48px 0 4px; }
p.lead { font-size: 18px; color: #4b5563; margin: 0 0 24px; max-width: 760px; }
p.note { color: #6b7280; font-size: 14px; max-width: 800px; margin: 4px 0 14px; }
section.card, .facts div { background: #fff; border: 1px solid #e5e7eb; border-radius: 12px; }
section.card { padding: 16px; overflow-x: auto; }
svg { display: block; max-width: 100%; height: auto; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 12px; }
.facts div { padding: 12px 16px; }
.facts b { display: block; font-size: 20px; white-space: nowrap; }
.facts span { color: #6b7280; font-size: 13px; }
.topics { display: grid; grid-template-columns: repeat(auto-fill, minmax(210px, 1fr)); gap: 14px; }
.topic { background: #fff; border: 1px solid #e5e7eb; border-top: 5px solid var(--colour); border-radius: 10px; padding: 12px 14px; }
.topic h3 { margin: 0; font-size: 16px; }
.topic p { margin: 2px 0 10px; color: #6b7280; font-size: 13px; }
.word { display: grid; grid-template-columns: 110px 1fr; align-items: center; font-size: 13px; }
.word i { display: block; height: 8px; border-radius: 4px; background: var(--colour); opacity: 0.75; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th, td { text-align: left; padding: 8px 12px; border-bottom: 1px solid #f1f5f9; }
th { color: #6b7280; font-weight: 600; font-size: 13px; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tr.absent td { color: #9ca3af; }
`

function topicCard(topic: Topic, place: number): string {
  const { year, from, to, president } = topic.peak
  const words = topic.words
    .map(
      ({ term, weight }) =>
        `<div class="word">${escapeHtml(term)}<i style="width:${(100 * weight).toFixed(0)}%"></i></div>`,
    )
    .join('')
  return `<div class="topic" style="--colour:${COLOURS[place % COLOURS.length]}"><h3>${escapeHtml(titleOf(topic))}</h3>
<p>${from === to ? from : `${from}–${to}`}, peak ${year} (${escapeHtml(president)})</p>${words}</div>`
}

function resultRow({ report, fit, iterating, whole, problem }: Result): string {
  const status = !fit ? escapeHtml(problem ?? 'absent') : report.emulated ? 'emulated on the CPU' : 'ran'
  if (!fit) return `<tr class="absent"><td>${report.id}</td><td colspan="4">${status}</td></tr>`
  return `<tr><td>${report.id}</td><td>${status}</td><td class="number">${iterating.toFixed(3)}</td>
<td class="number">${whole.toFixed(3)}</td><td class="number">${fit.loss.toFixed(5)}</td></tr>`
}

/** One HTML page with everything in it: no script, no style sheet and no picture from elsewhere. */
export function renderReport(
  corpus: Corpus,
  fit: Factorization,
  topics: readonly Topic[],
  results: readonly Result[],
  iterations: number,
): string {
  const { rows, columns, values } = corpus.X
  const nonzeros = values.length
  const facts: [string, string][] = [
    [`${rows} × ${columns.toLocaleString('en')}`, 'speeches × terms'],
    [`${nonzeros.toLocaleString('en')}`, `non-zeros, ${((100 * nonzeros) / (rows * columns)).toFixed(1)} %`],
    [fit.backend, `chosen by ${fit.plan.chosenBy}`],
    [`${fit.iterations}`, `iterations, ${fit.reason}`],
    [fit.loss.toFixed(4), 'loss ½‖X − WH‖²'],
    [`${(fit.seconds * 1000).toFixed(0)} ms`, 'the whole call'],
  ]
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>State of the Union in ${topics.length} topics</title><style>${STYLE}</style></head><body><main>
<h1>State of the Union in ${topics.length} topics</h1>
<p class="lead">Every address from ${corpus.speeches[0].year} to ${corpus.speeches.at(-1)!.year}, factorised by nonneg: each
speech is a mixture of topics, each topic a mixture of words, and nobody told it what a war or a depression is.</p>
<div class="facts">${facts.map(([value, label]) => `<div><b>${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`).join('')}</div>
<h2>Topics over the years</h2>
<p class="note">Share of each topic in the addresses of a year, averaged over five years. </p>
<section class="card">${topicsOverYears(topics)}</section>
<h2>The topics</h2>
<p class="note">In the order in which they peak; years in which a topic keeps at least half of its largest share.</p>
<div class="topics">${topics.map(topicCard).join('\n')}</div>
<h2>Loss against seconds</h2>
<p class="note">The same matrix, rank, seed and ${iterations} iterations on every backend of this machine, one run each after a
short one to warm up. Dashed: an emulation on the CPU, which proves that the backend computes the right thing and says nothing about its speed.</p>
<section class="card">${lossAgainstSeconds(results)}</section>
<h2>Backends</h2>
<section class="card"><table><tr><th>backend</th><th>status</th><th class="number">iterations, s</th><th class="number">whole call, s</th>
<th class="number">final loss</th></tr>${results.map(resultRow).join('\n')}</table></section>
</main></body></html>
`
}
