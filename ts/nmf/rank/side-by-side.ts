import { onAbort } from '../../core/abort.js'
import { abortError } from '../../core/errors.js'

/**
 * Does jobs in their order, so many at once. `work` gets a signal that aborts when the caller's does, or when another
 * job has failed, and the number of a lane, from 0, in which no other job is at work. What has begun is waited for, nothing
 * more begins, and the first error is thrown.
 */
export async function sideBySide<Job>(
  jobs: readonly Job[],
  atOnce: number,
  signal: AbortSignal | undefined,
  work: (job: Job, signal: AbortSignal, lane: number) => Promise<void>,
): Promise<void> {
  if (signal?.aborted) throw abortError(signal)
  const ending = new AbortController()
  const forget = signal && onAbort(signal, () => ending.abort(signal.reason))
  const errors: unknown[] = []
  let next = 0
  const lane = async (_: unknown, number: number) => {
    while (next < jobs.length && !ending.signal.aborted) {
      try {
        await work(jobs[next++], ending.signal, number)
      } catch (error) {
        errors.push(error)
        ending.abort(error)
      }
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, jobs.length) }, lane))
  } finally {
    forget?.()
  }
  if (errors.length > 0) throw errors[0]
  if (signal?.aborted) throw abortError(signal)
}
