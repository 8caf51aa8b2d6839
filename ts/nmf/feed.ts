import type { Factorization, RunningFit } from './factorize.js'
import type { HistoryEntry } from './options.js'

/** Passes the iterations of a running fit on to whoever follows them. */
export class Feed {
  readonly #entries: HistoryEntry[] = []
  readonly #leaving = new AbortController()
  #ended = false
  /** Wakes those who wait for the next entry. */
  #wake: (() => void)[] = []

  push(entry: HistoryEntry): void {
    // after a hand-over, iterations that were lost come again
    this.#entries.length = entry.iteration - 1 < this.#entries.length ? entry.iteration - 1 : this.#entries.length
    this.#entries.push(entry)
    this.#wakeAll()
  }

  /** Aborts when a follower leaves before the end. */
  get left(): AbortSignal {
    return this.#leaving.signal
  }

  #wakeAll(): void {
    const waiting = this.#wake
    this.#wake = []
    for (const wake of waiting) wake()
  }

  /** The promise of the fit, with `steps`. Nothing is hung on it, so that a failure that nobody looks at is reported as such. */
  of(fit: () => Promise<Factorization>): RunningFit {
    const work = this.#watch(fit)
    return Object.assign(work, { steps: () => this.#follow(work) })
  }

  async #watch(fit: () => Promise<Factorization>): Promise<Factorization> {
    try {
      return await fit()
    } finally {
      this.#ended = true
      this.#wakeAll()
    }
  }

  async *#follow(work: Promise<Factorization>): AsyncGenerator<HistoryEntry, void> {
    let finished = false
    try {
      for (let next = 0; ; ) {
        if (next < this.#entries.length) yield this.#entries[next++]
        else if (this.#ended) break
        else await new Promise<void>(resolve => this.#wake.push(resolve))
      }
      finished = true
      await work
    } finally {
      if (!finished) this.#leaving.abort()
    }
  }
}
