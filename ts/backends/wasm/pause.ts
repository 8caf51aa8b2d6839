/** How long a worker computes before it looks at its messages, in milliseconds. */
const SLICE_MS = 8

let waiting: (() => void) | undefined
let channel: MessageChannel | undefined

/** A task of the kind that messages are, so that these take their turns with it; `scheduler.yield` would go before them. */
function nextTask(): Promise<void> {
  if (globalThis.setImmediate) return new Promise(resolve => globalThis.setImmediate(resolve))
  if (!channel) {
    channel = new MessageChannel()
    channel.port1.onmessage = () => waiting?.()
  }
  const { port2 } = channel
  return new Promise(resolve => {
    waiting = resolve
    port2.postMessage(0)
  })
}

/** Lets messages in whenever the worker has computed for some milliseconds. */
export class Pauses {
  #last: number = performance.now()

  isDue(): boolean {
    return performance.now() - this.#last >= SLICE_MS
  }

  async take(): Promise<void> {
    await nextTask()
    this.#last = performance.now()
  }
}
