// One short line per thing done, with its duration, the same in every script.

/** @param {string} name @param {string} what */
export function say(name, what) {
  process.stdout.write(`${name.padEnd(12)} ${what}\n`)
}

/** @param {number} start a `performance.now()` time */
export function since(start) {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`
}

/**
 * Says what starts, runs it, and says how long it took.
 * @template T @param {string} name @param {string} what @param {() => T | Promise<T>} work @returns {Promise<T>}
 */
export async function timed(name, what, work) {
  const start = performance.now()
  process.stdout.write(`${name.padEnd(12)} ${what} … `)
  try {
    const result = await work()
    process.stdout.write(`${since(start)}\n`)
    return result
  } catch (error) {
    process.stdout.write(`failed after ${since(start)}\n`)
    throw error
  }
}
