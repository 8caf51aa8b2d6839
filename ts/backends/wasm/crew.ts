import { NonnegError } from '../../core/errors.js'
import { runLane } from './families.js'
import { PHASES, type Phase, type SharedFit, type Steps, type Thread } from './thread.js'

/**
 * The words that the threads agree on, each in a cache line of its own. PHASE holds the phase's serial number (24 bits)
 * and the lanes that nobody has claimed yet (8 bits); one compare-and-exchange claims a lane of just that phase.
 */
const PHASE = 0
const FIT = 16
const KIND = 17
const TOTAL = 18
const DONE = 32
const FINISHED = 48
const LOST = 49
const ERROR = 64
const ERROR_TEXT = 65
const TEXT_BYTES = 1024
export const CONTROL_BYTES: number = 4 * ERROR_TEXT + TEXT_BYTES

const UNCLAIMED = 0xff
const SERIAL_BITS = 0xffffff

/**
 * How long a thread looks again before it goes to sleep, in milliseconds, and loads between two looks at the clock. To be
 * woken takes 50 µs, and where the system wakes a thread on the core of the one that called it, both compute at half the
 * speed until it moves one of them.
 */
const SPIN_MS = 0.1
const LOADS = 256

/** How long the coordinator sleeps at most before it looks whether a helper is gone, in milliseconds. */
const PATIENCE_MS = 1000

/** Waits until control[index] is not `value` any more; a spurious return does no harm. */
function waitFor(control: Int32Array, index: number, value: number, timeout?: number): void {
  const start = performance.now()
  do {
    for (let i = 0; i < LOADS; i++) if (Atomics.load(control, index) !== value) return
  } while (performance.now() - start < SPIN_MS)
  Atomics.wait(control, index, value, timeout)
}

function claim(control: Int32Array, word: number): number | undefined {
  if (Atomics.compareExchange(control, PHASE, word, word - 1) !== word) return undefined
  return Atomics.load(control, TOTAL) - (word & UNCLAIMED)
}

function lanesDone(control: Int32Array, count: number): void {
  if (Atomics.add(control, DONE, count) + count === Atomics.load(control, TOTAL)) Atomics.notify(control, DONE)
}

function leaveError(control: Int32Array, error: unknown): void {
  if (Atomics.compareExchange(control, ERROR, 0, -1) !== 0) return
  const text = new TextEncoder().encode(String(error)).subarray(0, TEXT_BYTES)
  new Uint8Array(control.buffer, 4 * ERROR_TEXT, TEXT_BYTES).set(text)
  Atomics.store(control, ERROR, text.length)
}

/**
 * What a helper does while jobs run: claims lanes of whatever phase is on, and sleeps between phases.
 * @returns true once `jobs` jobs are finished, false where it must first learn of a fit (its message is in the queue)
 */
export function help(control: Int32Array, thread: Thread, fits: ReadonlyMap<number, SharedFit>, jobs: number): boolean {
  for (;;) {
    const word = Atomics.load(control, PHASE)
    if ((word & UNCLAIMED) === 0) {
      if (Atomics.load(control, FINISHED) >= jobs) return true
      waitFor(control, PHASE, word)
      continue
    }
    // these two belong to the phase of `word` if the claim succeeds, for a phase with unclaimed lanes cannot end
    const fit = fits.get(Atomics.load(control, FIT))
    const phase = PHASES[Atomics.load(control, KIND)]
    if (!fit) return false
    if (thread.index >= fit.layout.threads) {
      // no part of this fit: it looks for nothing, so that it takes no core from those who are
      Atomics.wait(control, PHASE, word)
      continue
    }
    const lane = claim(control, word)
    if (lane === undefined) continue
    try {
      for (const _ of runLane(thread, fit, phase, lane));
    } catch (error) {
      leaveError(control, error)
    }
    lanesDone(control, 1)
  }
}

/** Tells the coordinator, from the main thread, that a helper has ended and its lanes will never be done. */
export function reportLoss(control: Int32Array): void {
  Atomics.store(control, LOST, 1)
  Atomics.notify(control, DONE)
}

/** The coordinator's side: runs phases, with the helpers where they have several lanes. */
export class Crew {
  readonly #thread: Thread
  readonly #control: Int32Array | undefined
  #serial = 0

  /** @param control absent where there are no helpers */
  constructor(thread: Thread, control: Int32Array | undefined) {
    this.#thread = thread
    this.#control = control
  }

  get thread(): Thread {
    return this.#thread
  }

  *phase(id: number, fit: SharedFit, phase: Phase): Steps<void> {
    const lanes = this.#thread.laneCount(fit, phase)
    if (lanes > 1 && fit.layout.threads > 1 && this.#control) {
      yield* this.#together(this.#control, id, fit, phase, lanes)
      return
    }
    for (let lane = 0; lane < lanes; lane++) yield* runLane(this.#thread, fit, phase, lane)
  }

  *#together(control: Int32Array, id: number, fit: SharedFit, phase: Phase, lanes: number): Steps<void> {
    Atomics.store(control, DONE, 0)
    Atomics.store(control, FIT, id)
    Atomics.store(control, KIND, PHASES.indexOf(phase))
    Atomics.store(control, TOTAL, lanes)
    this.#publish(control, lanes)
    for (let word = Atomics.load(control, PHASE); (word & UNCLAIMED) !== 0; word = Atomics.load(control, PHASE)) {
      const lane = claim(control, word)
      if (lane === undefined) continue
      try {
        if (Atomics.load(control, ERROR) === 0) yield* runLane(this.#thread, fit, phase, lane)
      } catch (error) {
        leaveError(control, error)
      }
      lanesDone(control, 1)
    }
    for (let done = Atomics.load(control, DONE); done !== lanes; done = Atomics.load(control, DONE)) {
      if (Atomics.load(control, LOST) !== 0) throw new NonnegError('ERR_NONNEG_BACKEND', 'a wasm worker has ended')
      waitFor(control, DONE, done, PATIENCE_MS)
    }
    this.#throwError(control)
  }

  /** One job of those that helpers were called for is finished: lets those go that wait for no other. */
  finishJob(): void {
    if (!this.#control) return
    Atomics.add(this.#control, FINISHED, 1)
    this.#publish(this.#control, 0)
  }

  #publish(control: Int32Array, lanes: number): void {
    this.#serial = (this.#serial + 1) & SERIAL_BITS
    Atomics.store(control, PHASE, (this.#serial << 8) | lanes)
    Atomics.notify(control, PHASE)
  }

  #throwError(control: Int32Array): void {
    const length = Atomics.load(control, ERROR)
    if (length === 0) return
    // decoders refuse shared memory, so the text is copied out
    const text = new Uint8Array(control.buffer, 4 * ERROR_TEXT, length).slice()
    Atomics.store(control, ERROR, 0)
    throw new Error(new TextDecoder().decode(text))
  }
}
