const callsOf = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls back when the signal aborts; the function that is returned takes that back. A signal gets one listener for all of
 * them: many fits may share one, and Node takes more than ten listeners for a leak.
 */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  let calls = callsOf.get(signal)
  if (!calls) {
    calls = new Set()
    callsOf.set(signal, calls)
    const waiting = calls
    const callAll = () => {
      for (const one of waiting) one()
    }
    signal.addEventListener('abort', callAll, { once: true })
  }
  const own = () => call()
  calls.add(own)
  return () => {
    calls.delete(own)
  }
}
