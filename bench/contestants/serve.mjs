// The contestants' side of the line protocol (bench/METHOD.md). A contestant is a process that stands still until it is
// its turn, so that any number of them can be timed in turns, whatever they are written in.
import { createInterface } from 'node:readline'

/** Says that a contestant does not do a problem, which is no failure. */
export class Unsupported extends Error {}
/** Says that what a contestant needs is not installed. */
export class Absent extends Error {}

/**
 * @typedef {object} Contestant
 * @property {(words: Record<string, string>) => Promise<Record<string, string | number>>} start gets ready, and tells
 *   what it found: `variant`, and `flops` and `bytes` of one unit where nobody else knows them
 * @property {(units: number) => Promise<number>} run the seconds that so many units took, from the same start every time
 * @property {() => Promise<number>} [loss] of the factors that the last run left
 */

const encoded = facts =>
  Object.entries(facts)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join(' ')

/** @param {string[]} words */
function decoded(words) {
  const pairs = words.map(word => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)])
  return Object.fromEntries(pairs.map(([name, value]) => [name, decodeURIComponent(value)]))
}

/** @param {Contestant} contestant @param {string} verb @param {string[]} words */
async function answer(contestant, verb, words) {
  if (verb === 'start') return `ok ${encoded(await contestant.start(decoded(words)))}`
  if (verb === 'run') return `seconds ${await contestant.run(Number(words[0]))}`
  if (verb === 'loss') return contestant.loss ? `loss ${await contestant.loss()}` : 'unsupported it tells no loss'
  return `failed ${verb} is not a verb`
}

/** Answers one line with one line until `stop` or the end of input. @param {Contestant} contestant */
export async function serve(contestant) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, ...words] = line.split(' ')
    if (verb === 'stop') break
    let reply
    try {
      reply = await answer(contestant, verb, words)
    } catch (error) {
      const how = error instanceof Unsupported ? 'unsupported' : error instanceof Absent ? 'absent' : 'failed'
      reply = `${how} ${String(error?.message ?? error).replace(/\s+/g, ' ')}`
    }
    process.stdout.write(`${reply}\n`)
  }
  process.exit(0)
}
