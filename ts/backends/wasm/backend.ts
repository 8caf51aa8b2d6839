import { availableThreads, environment } from '../../core/environment.js'
import { NonnegError } from '../../core/errors.js'
import { problemsIn } from '../../core/setting-problems.js'
import type { Backend, OpenOptions, Probe } from '../backend.js'
import type { WasmDevice } from './device.js'
import { MAX_LANES } from './layout.js'
import { type Features, features, probe } from './probe.js'

/** Threads unless someone asks for a number: more are rarely faster, and each takes memory of its own. */
const DEFAULT_THREADS = 8

function threadsOf({ threads }: OpenOptions): number {
  const variable = environment('NONNEG_THREADS')
  const wanted = threads ?? (variable === undefined ? Math.min(availableThreads(), DEFAULT_THREADS) : Number(variable))
  if (!Number.isInteger(wanted) || wanted < 1) {
    throw new NonnegError('ERR_NONNEG_OPTION', `threads must be a whole number, at least 1, not ${threads ?? variable}`)
  }
  return Math.min(wanted, MAX_LANES)
}

/**
 * Plain SIMD gives the same bits on every machine, relaxed SIMD lets the engine fuse multiply and add. `fast` takes it
 * where the engine has it; NONNEG_WASM=relaxed demands it.
 */
function isRelaxed({ fast = false }: OpenOptions, { relaxedSimd }: Features): boolean {
  const variable = environment('NONNEG_WASM') ?? 'plain'
  if (variable === 'plain') return fast && relaxedSimd
  if (variable !== 'relaxed') {
    throw new NonnegError('ERR_NONNEG_OPTION', `NONNEG_WASM is "${variable}"; known are plain and relaxed`, {
      detail: { variable: 'NONNEG_WASM', value: variable },
      fix: 'set it to one of these, or unset it',
    })
  }
  if (relaxedSimd) return true
  throw new NonnegError('ERR_NONNEG_BACKEND', 'this engine has no relaxed SIMD', {
    fix: 'use Node 22 or newer, start Node 20 with --experimental-wasm-relaxed-simd, or unset NONNEG_WASM',
  })
}

/**
 * SIMD kernels on worker threads, in every engine that has WebAssembly SIMD. They are loaded when it is opened: programs that
 * compute elsewhere never do.
 */
export const wasmBackend: Backend = {
  id: 'wasm',

  async probe(): Promise<Probe> {
    const found = features()
    return { ...probe(found), problems: problemsIn([() => isRelaxed({}, found)]) }
  },

  async open(options: OpenOptions = {}): Promise<WasmDevice> {
    const found = features()
    const answer = probe(found)
    if (!answer.available) throw new NonnegError('ERR_NONNEG_BACKEND', answer.reason, { fix: answer.fix })
    const relaxed = isRelaxed(options, found)
    const { WasmDevice } = await import('./device.js')
    const { startsLate = false } = options
    const pool = { threads: threadsOf(options), relaxed, shared: found.sharedMemory, startsLate }
    return await WasmDevice.open(pool, answer.info)
  },
}
