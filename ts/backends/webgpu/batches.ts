import type { RunControls, SweepReport } from '../backend.js'

/** How long one submission should keep the GPU busy: as long again may be under way when a run is told to stop. */
const BATCH_MS = 20
/** The same where nobody can stop it: short of what systems take for a GPU that hangs. */
const UNWATCHED_MS = 500
/** Submissions under way at most; what they take together is bounded by the times above. */
const IN_FLIGHT = 8
/** How much larger than the one before a submission may be, as the first ones measure warm-up too. */
const GROWTH = 8

/** What one attempt at an iteration came to. */
export interface Outcome {
  readonly loss: number
  readonly violation: number
  /** False where it was undone: it then is no iteration. */
  readonly stands: boolean
}

/** A device that works through attempts at iterations without the host, and keeps what they came to until it is asked. */
export interface Attempts {
  /** How many one submission can hold. */
  readonly most: number
  /** How many outcomes are kept. */
  readonly kept: number
  /**
   * Records and submits attempts; the outcome of the first is kept at `first`. Resolves when they are done, to false where an
   * abort has cut them short: then none of them counts.
   */
  submit(first: number, count: number): Promise<boolean>
  /** The first `count` outcomes. */
  collect(count: number): Promise<readonly Outcome[]>
}

interface Pending {
  readonly count: number
  readonly submitted: number
  readonly done: Promise<boolean>
}

/**
 * Cuts a run into submissions that each take about as long as one may, and keeps some in flight so that the GPU does not
 * wait for the host; outcomes are read back when there is no room for more. What one run has measured serves the next.
 */
export class Batches {
  /** Milliseconds of one attempt, once measured. */
  #attemptMs: number | undefined
  #last = 1

  async run(iterations: number, attempts: Attempts, controls: RunControls, violates: boolean): Promise<SweepReport> {
    const start = performance.now()
    const losses: number[] = []
    const violations: number[] = []
    const seconds: number[] = []
    let stopped: SweepReport['stopped'] = 'done'
    while (losses.length < iterations && stopped === 'done') {
      const { ends, stopped: why } = await this.#fill(iterations, losses.length, attempts, controls)
      stopped = why
      if (ends.length === 0) break
      const outcomes = await attempts.collect(ends.length)
      outcomes.forEach(({ loss, violation, stands }, at) => {
        if (!stands) return
        losses.push(loss)
        violations.push(violation)
        seconds.push((ends[at] - start) / 1000)
      })
      // what is undone at the deadline is done again, as one iteration there must be
      if (stopped === 'deadline' && losses.length === 0) stopped = 'done'
    }
    return {
      iterations: losses.length,
      losses: Float64Array.from(losses),
      violations: Float64Array.from(violates ? violations : []),
      seconds: Float64Array.from(seconds),
      stopped,
    }
  }

  /** Attempts until all outcomes are kept that can be, or the run is over; when each of them ended. */
  async #fill(
    iterations: number,
    before: number,
    { most, kept, submit }: Attempts,
    { signal, deadline = Number.POSITIVE_INFINITY }: RunControls,
  ): Promise<{ ends: readonly number[]; stopped: SweepReport['stopped'] }> {
    const ends: number[] = []
    const pending: Pending[] = []
    const longest = signal || deadline < Number.POSITIVE_INFINITY ? BATCH_MS : UNWATCHED_MS
    let stopped: SweepReport['stopped'] = 'done'
    let asked = 0
    let doneAt = performance.now()
    for (;;) {
      const now = performance.now()
      if (before + asked < iterations && stopped === 'done') {
        if (signal?.aborted) stopped = 'aborted'
        else if (before + asked > 0 && now >= deadline) stopped = 'deadline'
      }
      const room = stopped === 'done' ? Math.min(iterations - before - asked, kept - asked, most) : 0
      const count = Math.min(room, this.#next(asked - ends.length, deadline - now, longest))
      if (count > 0 && pending.length < IN_FLIGHT) {
        const batch = { count, submitted: now, done: submit(asked, count) }
        // its failure is seen when its turn comes
        batch.done.catch(() => {})
        pending.push(batch)
        asked += count
        this.#last = count
        continue
      }
      const batch = pending.shift()
      if (!batch) return { ends, stopped }
      if (!(await batch.done)) {
        // those after it have not begun
        stopped = 'aborted'
        continue
      }
      const begun = Math.max(batch.submitted, doneAt)
      doneAt = performance.now()
      this.#attemptMs = (doneAt - begun) / batch.count
      for (let i = 1; i <= batch.count; i++) ends.push(begun + i * this.#attemptMs)
    }
  }

  /** Attempts that the next submission should hold; 0: wait for one that is under way. */
  #next(queued: number, leftMs: number, longestMs: number): number {
    if (this.#attemptMs === undefined) return queued === 0 ? 1 : 0
    const each = Math.max(this.#attemptMs, 1e-3)
    if (queued > 0 && queued * each >= longestMs * 1.5) return 0
    const fits = Math.floor(leftMs / each) - queued
    const wanted = Math.min(Math.max(1, Math.round(longestMs / each)), this.#last * GROWTH, fits)
    return wanted < 1 && queued === 0 ? 1 : Math.max(0, wanted)
  }
}
