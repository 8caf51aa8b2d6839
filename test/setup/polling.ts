// Dawn, the WebGPU of Node, looks for finished work in every turn of the event loop while anything is pending. That keeps a
// core busy, which the software drivers need to compile kernels: it was a third of the time of most tests of WebGPU. So where
// it asks setImmediate from within its callback to be called again, it is called at once for so long only,
const AT_ONCE_MS = 0.2
// and then after this long. Whatever else calls setImmediate does so as ever.
const LATER_MS = 1

const { setImmediate } = globalThis
let isTurn = false
let start = 0

/** Whether a function is not of JavaScript, as Dawn's is not. */
function isNative(callback: unknown): boolean {
  return Function.prototype.toString.call(callback).endsWith('{ [native code] }')
}

function soon<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): unknown {
  if (!isNative(callback)) return setImmediate(callback, ...args)
  if (!isTurn) start = performance.now()
  const turn = () => {
    isTurn = true
    try {
      callback(...args)
    } finally {
      isTurn = false
    }
  }
  return performance.now() - start < AT_ONCE_MS ? setImmediate(turn) : setTimeout(turn, LATER_MS)
}

globalThis.setImmediate = soon as typeof setImmediate
