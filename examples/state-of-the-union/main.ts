import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs, styleText } from 'node:util'
import { closeDevices, factorize } from 'nonneg'
import { buildCorpus, loadSpeeches } from './corpus.js'
import { type Result, race } from './race.js'
import { renderReport } from './report.js'
import { findTopics, type Topic } from './topics.js'

const { values: args } = parseArgs({
  options: { rank: { type: 'string', default: '10' }, out: { type: 'string', default: 'out/state-of-the-union.html' } },
})
const rank = Number(args.rank)
const ITERATIONS = 100
const coloured = process.stdout.isTTY && !process.env.NO_COLOR

const bold = (text: string) => (coloured ? styleText('bold', text) : text)
const dim = (text: string) => (coloured ? styleText('dim', text) : text)
const say = (line = ''): void => {
  process.stdout.write(`${line}\n`)
}

function sayTopic(topic: Topic, place: number): void {
  const { from, to, year } = topic.peak
  const years = from === to ? `${from}` : `${from}–${to}`
  const words = topic.words.slice(0, 8).map(word => word.term)
  say(`${String(place + 1).padStart(3)}  ${years.padEnd(9)}  ${dim(`peak ${year}`)}  ${words.join(', ')}`)
}

function sayResult({ report, fit, iterating, whole, problem }: Result): void {
  const id = report.id.padEnd(10)
  if (!fit) {
    say(`  ${id} ${dim(`absent: ${problem}`)}`)
    return
  }
  const status = (report.emulated ? 'emulated' : 'ran').padEnd(9)
  say(
    `  ${id} ${status} ${iterating.toFixed(3).padStart(12)} ${whole.toFixed(3).padStart(13)} ${fit.loss.toFixed(6).padStart(13)}`,
  )
}

/** Whether WebGPU finds a GPU here; asked in a child, since a process chooses its driver once. */
function hasGpu(): boolean {
  const ask =
    "const n = await import('nonneg'); process.exit((await n.probeBackends()).find(b => b.id === 'webgpu').available ? 0 : 1)"
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', ask], {
    cwd: import.meta.dirname,
    stdio: 'ignore',
  })
  return done.status === 0
}

// without a GPU the software driver of the tests shows at least that the result is right
if (!process.env.NONNEG_WEBGPU && !hasGpu()) process.env.NONNEG_WEBGPU = 'software'

const speeches = loadSpeeches()
const corpus = buildCorpus(speeches)
const { rows, columns, values } = corpus.X
say(bold(`State of the Union: ${rows} speeches, ${columns} terms, ${values.length} non-zeros, rank ${rank}`))

const fit = await factorize(corpus.X, { rank, seed: 1, maxIterations: 500, tolerance: 1e-5 })
say(
  `${fit.backend}: ${fit.iterations} iterations (${fit.reason}) in ${(fit.seconds * 1000).toFixed(0)} ms, ` +
    `loss ${fit.loss.toFixed(5)}, relative error ${fit.relativeError.toFixed(4)}`,
)
const withoutNative = fit.plan.refusals.find(({ id }) => id === 'native')
if (withoutNative) say(`native did not run: ${withoutNative.reason}. ${withoutNative.fix ?? ''}`.trimEnd())

const topics = findTopics(corpus, fit, 12)
say()
say(bold('Topics by the years in which they peak'))
topics.forEach(sayTopic)

say()
say(bold(`The same problem and seed on every backend, ${ITERATIONS} iterations`))
say(dim('  backend    status    iterating, s  whole call, s    final loss'))
const results = await race(corpus.X, rank, ITERATIONS, sayResult)
await closeDevices()
if (results.some(result => result.fit && result.report.emulated)) {
  say(dim('  emulated: runs on the CPU in place of a GPU; proves the result, says nothing about speed'))
}

const file = path.resolve(args.out)
mkdirSync(path.dirname(file), { recursive: true })
writeFileSync(file, renderReport(corpus, fit, topics, results, ITERATIONS))
say()
say(`Report: ${file}`)
