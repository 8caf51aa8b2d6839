// nonneg as its users have it: `factorize` of the built package. A unit is one iteration.
import { factorize, NonnegError, probeBackends } from 'nonneg'
import { fitArrays } from './arrays.mjs'
import { busyProcesses } from './busy.mjs'
import { Absent, serve, Unsupported } from './serve.mjs'

const REFUSALS = ['ERR_NONNEG_UNSUPPORTED', 'ERR_NONNEG_OPTION', 'ERR_NONNEG_NO_BACKEND']

let X
let options
let last
let busy

async function fit(maxIterations) {
  try {
    last = await factorize(X, { ...options, maxIterations })
  } catch (error) {
    if (error instanceof NonnegError && REFUSALS.includes(error.code)) throw new Unsupported(error.message)
    throw error
  }
  // the history starts with the first iteration and ends with the last: neither checks nor upload are in it
  return last.history.at(-1).seconds
}

await serve({
  async start(words) {
    const { W, H, ...problem } = fitArrays(words)
    X = problem.X
    const { rank } = problem
    const { loss, solver, dtype, backend } = words
    options = { rank, loss, solver, dtype, backend, threads: Number(words.threads), tolerance: 0, init: { W, H } }
    const { available, emulated, info, reason, fix } = (await probeBackends()).find(({ id }) => id === backend)
    if (!available) throw new Absent(fix ? `${reason} (${fix})` : reason)
    await fit(1)
    busy = busyProcesses(Number(words.busy ?? 0))
    const gpu = info.device && `${info.device}${emulated ? ' (emulated)' : ''}`
    return { variant: gpu ?? info.isa ?? process.env.NONNEG_WASM ?? 'plain', emulated: Number(emulated) }
  },
  run: units => busy.beside(() => fit(units)),
  async loss() {
    return last.loss
  },
})
