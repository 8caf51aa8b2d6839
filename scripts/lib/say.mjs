// One short line per thing done, with its duration, the same in every script.

/** @param {number} start a `performance.now()` time */
export function since(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`
}

/**
 * Says what starts, runs it, and says how long it took, or what it answers instead.
 * @param {string} name @param {string} what @param {() => unknown} work may return a text, or a promise of one
 */
export async function timed(name, what, work) {
  const start = performance.now()
  process.stdout.write(`${name.padEnd(12)} ${what} … `)
  try {
    const answer = await work()
    process.stdout.write(`${typeof answer === 'string' ? answer : since(start)}\n`)
  } catch (error) {
    process.stdout.write(`failed after ${since(start)}\n`)
    throw error
  }
}
