// What a program pays before the first iteration, in a process that has done nothing yet. A unit is one process.
//   what=import      the import of the package
//   what=first_fit   the first fit beyond the import: probes, addon or workers, checks, all iterations
import { serve } from './serve.mjs'

let words

async function importSeconds() {
  const begun = performance.now()
  await import('nonneg')
  return (performance.now() - begun) / 1000
}

async function firstFitSeconds() {
  const [rows, rank, columns] = ['rows', 'rank', 'columns'].map(name => Number(words[name]))
  // pixels of small pictures: whole numbers 0 … 16, half of them empty
  const data = Float32Array.from({ length: rows * columns }, (_, i) => Math.max(0, ((i * 7919) % 33) - 16))
  const { factorize } = await import('nonneg')
  const options = { rank, maxIterations: Number(words.iterations), tolerance: 0, backend: words.backend }
  const begun = performance.now()
  await factorize({ data, rows, columns }, options)
  return (performance.now() - begun) / 1000
}

await serve({
  async start(given) {
    words = given
    return {}
  },
  async run() {
    return await (words.what === 'import' ? importSeconds() : firstFitSeconds())
  },
})
