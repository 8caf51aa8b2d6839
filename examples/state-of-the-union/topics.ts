import type { DenseView, Factorization } from 'nonneg'
import type { Corpus } from './corpus.js'

/** A component of the factorisation, in words. */
export interface Topic {
  /** The heaviest terms, with weights relative to the first. */
  readonly words: readonly { readonly term: string; readonly weight: number }[]
  /** The topic's share of each year's address, 0 … 1, averaged over five years. */
  readonly shareByYear: ReadonlyMap<number, number>
  readonly peak: Peak
}

export interface Peak {
  readonly year: number
  /** The years around the peak in which the topic keeps at least half of its largest share. */
  readonly from: number
  readonly to: number
  readonly president: string
}

/** Half the width of the moving average over years. */
const SMOOTHING = 2

const at = (view: DenseView, row: number, column: number) => view.data[view.offset + row * view.stride + column]

/** Each speech's weights as shares that sum to 1. W's scale is arbitrary, so each column is first weighed by its H. */
function shares(W: DenseView, H: DenseView): number[][] {
  const mass = Array.from({ length: H.rows }, (_, r) => {
    let sum = 0
    for (let j = 0; j < H.columns; j++) sum += at(H, r, j)
    return sum
  })
  return Array.from({ length: W.rows }, (_, i) => {
    const weights = mass.map((m, r) => m * at(W, i, r))
    const total = weights.reduce((a, b) => a + b, 0) || 1
    return weights.map(weight => weight / total)
  })
}

function average(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length
}

function smoothed(corpus: Corpus, ofSpeech: readonly number[]): Map<number, number> {
  const out = new Map<number, number>()
  for (const { year } of corpus.speeches) {
    const near = ofSpeech.filter((_, i) => Math.abs(corpus.speeches[i].year - year) <= SMOOTHING)
    out.set(year, average(near))
  }
  return out
}

function peakOf(corpus: Corpus, shareByYear: ReadonlyMap<number, number>): Peak {
  const years = [...shareByYear.keys()]
  const year = years.reduce((best, next) => (shareByYear.get(next)! > shareByYear.get(best)! ? next : best))
  const enough = (y: number | undefined) => y !== undefined && shareByYear.get(y)! >= shareByYear.get(year)! / 2
  let first = years.indexOf(year)
  let last = first
  while (enough(years[first - 1])) first--
  while (enough(years[last + 1])) last++
  const president = corpus.speeches.find(speech => speech.year === year)!.president
  return { year, from: years[first], to: years[last], president }
}

/** The topics of a fit, in the order in which they peak. */
export function findTopics(corpus: Corpus, { W, H }: Factorization, wordsEach: number): Topic[] {
  const bySpeech = shares(W, H)
  return Array.from({ length: H.rows }, (_, r) => {
    const weights = corpus.terms.map((term, j) => ({ term, weight: at(H, r, j) }))
    weights.sort((a, b) => b.weight - a.weight)
    const largest = weights[0].weight || 1
    const words = weights.slice(0, wordsEach).map(({ term, weight }) => ({ term, weight: weight / largest }))
    const shareByYear = smoothed(
      corpus,
      bySpeech.map(row => row[r]),
    )
    return { words, shareByYear, peak: peakOf(corpus, shareByYear) }
  }).sort((a, b) => a.peak.year - b.peak.year)
}
