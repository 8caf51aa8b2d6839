import type { Told } from './words.js'

type Spec = Readonly<Record<string, unknown>>

const RANK = { field: 'rank', type: 'quantitative', title: 'rank', axis: { tickMinStep: 1 } } as const

function quantity(field: string, title: string): Spec {
  return { field, type: 'quantitative', title, scale: { zero: false } }
}

/** An upright line at the rank that was chosen. */
function chosen(rank: number): Spec {
  return {
    data: { values: [{ rank }] },
    mark: { type: 'rule', strokeDash: [4, 4], tooltip: true },
    encoding: { x: RANK },
  }
}

/** Held-out errors with one standard error to either side, over the errors of what the fits saw. */
function errors({ table }: Told): { values: readonly Spec[]; layer: readonly Spec[] } {
  const values = table.flatMap(({ rank, mean, spread, training }) => [
    { rank, entries: 'held out', error: mean, lower: mean - spread, upper: mean + spread },
    { rank, entries: 'seen', error: training },
  ])
  const color = { field: 'entries', type: 'nominal', title: 'entries' }
  const y = quantity('error', 'mean loss of an entry')
  return {
    values,
    layer: [
      { mark: { type: 'line', point: true, tooltip: true }, encoding: { x: RANK, y, color } },
      {
        transform: [{ filter: 'isValid(datum.lower)' }],
        mark: { type: 'errorbar', ticks: true },
        encoding: { x: RANK, y: quantity('lower', 'mean loss of an entry'), y2: { field: 'upper' }, color },
      },
    ],
  }
}

/** Both measures of agreement. */
function agreement({ table }: Told): { values: readonly Spec[]; layer: readonly Spec[] } {
  const values = table.flatMap(({ rank, cophenetic, dispersion }) => [
    { rank, measure: 'dispersion', agreement: dispersion },
    { rank, measure: 'cophenetic correlation', agreement: cophenetic },
  ])
  const color = { field: 'measure', type: 'nominal', title: 'measure' }
  const y = quantity('agreement', 'agreement of the fits')
  return {
    values,
    layer: [{ mark: { type: 'line', point: true, tooltip: true }, encoding: { x: RANK, y, color } }],
  }
}

/** The evidence as a Vega-Lite 5 specification. */
export function rankPlot(choice: Told): Spec {
  const { values, layer } = choice.method === 'consensus' ? agreement(choice) : errors(choice)
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v5.json',
    title: { text: `rank ${choice.rank}, by ${choice.method}`, subtitle: choice.why },
    width: 480,
    height: 300,
    data: { values },
    layer: [...layer, chosen(choice.rank)],
  }
}
