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

  /** The promise with `steps`. */
  of(work: Promise<Factorization>): RunningFit {
    const end = () => {
      this.#ended = true
      this.#wakeAll()
    }
    work.then(end, end)
    return Object.assign(work, { steps: () => this.#follow(work) })
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
