import type { RunControls, SweepReport } from '../backend.js'

/** How long one submission should keep the GPU busy: two of them may be under way when a run is told to stop. */
const BATCH_MS = 20
/** How much larger than the one before a batch may be, as the first ones measure warm-up too. */
const GROWTH = 4

interface Pending {
  readonly count: number
  readonly submitted: number
  readonly losses: Promise<number[]>
}

/**
 * Cuts a run into submissions of so many iterations that each takes about 20 ms, and keeps two in flight so that the GPU
 * does not wait for the host. What one run has measured serves the next.
 */
export class Batches {
  /** Milliseconds of one iteration, once measured. */
  #iterationMs: number | undefined
  #last = 1

  /**
   * @param most iterations that one submission can hold
   * @param submit records and submits iterations; brings their losses when they are done. `turn` is 0 or 1 in alternation
   */
  async run(
    iterations: number,
    most: number,
    controls: RunControls,
    submit: (count: number, turn: 0 | 1) => Promise<number[]>,
  ): Promise<SweepReport> {
    const { signal, deadline = Number.POSITIVE_INFINITY } = controls
    const start = performance.now()
    const losses: number[] = []
    const seconds: number[] = []
    const pending: Pending[] = []
    let submitted = 0
    let turn: 0 | 1 = 0
    let doneAt = start
    let stopped: SweepReport['stopped'] = 'done'

    while (submitted < iterations || pending.length > 0) {
      const now = performance.now()
      if (submitted < iterations && signal?.aborted) {
        stopped = 'aborted'
        iterations = submitted
      } else if (submitted > 0 && submitted < iterations && now >= deadline) {
        stopped = 'deadline'
        iterations = submitted
      }
      if (submitted === iterations && pending.length === 0) break
      const queued = pending.reduce((sum, batch) => sum + batch.count, 0)
      const count = Math.min(iterations - submitted, most, this.#next(queued, deadline - now))
      if (count > 0 && pending.length < 2) {
        const batch = { count, submitted: now, losses: submit(count, turn) }
        // its failure is seen when its turn comes
        batch.losses.catch(() => {})
        pending.push(batch)
        submitted += count
        this.#last = count
        turn = turn === 0 ? 1 : 0
        continue
      }
      const batch = pending.shift()!
      losses.push(...(await batch.losses))
      const begun = Math.max(batch.submitted, doneAt)
      doneAt = performance.now()
      const each = (doneAt - begun) / batch.count
      this.#iterationMs = each
      for (let i = 1; i <= batch.count; i++) seconds.push((begun + i * each - start) / 1000)
    }
    return {
      iterations: losses.length,
      losses: Float64Array.from(losses),
      violations: new Float64Array(),
      seconds: Float64Array.from(seconds),
      stopped,
    }
  }

  /** Iterations that the next submission should hold; 0: wait for one that is under way. */
  #next(queued: number, leftMs: number): number {
    if (this.#iterationMs === undefined) return queued === 0 ? 1 : 0
    const each = Math.max(this.#iterationMs, 1e-3)
    if (queued > 0 && queued * each >= BATCH_MS * 1.5) return 0
    const fits = Math.floor(leftMs / each) - queued
    const wanted = Math.min(Math.max(1, Math.round(BATCH_MS / each)), this.#last * GROWTH, fits)
    return wanted < 1 && queued === 0 ? 1 : Math.max(0, wanted)
  }
}
