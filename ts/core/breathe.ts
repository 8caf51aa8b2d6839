import { abortError } from './errors.js'

/** How long one stretch of work may hold the JavaScript thread, in milliseconds. */
const SLICE_MS = 5

let channel: MessageChannel | undefined
const waiting: (() => void)[] = []

// A message, where there is no setImmediate: setTimeout waits 4 ms, and what follows `scheduler.yield` goes before timers
// and messages, so that a loop on it would starve an abort.
function nextTask(): Promise<void> {
  const { setImmediate } = globalThis as { setImmediate?: (f: () => void) => void }
  if (setImmediate) return new Promise(resolve => setImmediate(resolve))
  if (!channel) {
    channel = new MessageChannel()
    channel.port1.onmessage = () => waiting.shift()?.()
  }
  const { port2 } = channel
  return new Promise(resolve => {
    waiting.push(resolve)
    port2.postMessage(0)
  })
}

/**
 * A breather for long loops on the main thread: `if (breather.due()) await breather.rest()` lets timers, input and
 * abort signals through whenever the loop has held the thread for about 5 ms, or as long as it is told.
 */
export class Breather {
  readonly #sliceMs: number
  #last: number = performance.now()

  constructor(sliceMs: number = SLICE_MS) {
    this.#sliceMs = sliceMs
  }

  due(): boolean {
    return performance.now() - this.#last >= this.#sliceMs
  }

  async rest(): Promise<void> {
    await nextTask()
    this.#last = performance.now()
  }
}

/** Runs a generator that yields between small pieces of work, giving the thread back about every 5 ms. */
export async function inSlices<T>(steps: Generator<void, T>, signal?: AbortSignal): Promise<T> {
  const breather = new Breather()
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    if (breather.due()) {
      await breather.rest()
      if (signal?.aborted) throw abortError(signal)
    }
  }
}
