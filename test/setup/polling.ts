// Dawn, the WebGPU of Node, looks for finished work in every turn of the event loop while anything is pending. That keeps a
// core busy, which the software drivers need to compile kernels: it was a third of the time of most tests of WebGPU. So who
// calls setImmediate from within its callback, as Dawn does, is called back at once for so long only,
const AT_ONCE_MS = 0.2
// and then after this long. What calls it anew after each turn, as ts/core/breathe.ts does, never waits.
const LATER_MS = 1

const { setImmediate } = globalThis
let isTurn = false
let start = 0

function soon<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): unknown {
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
