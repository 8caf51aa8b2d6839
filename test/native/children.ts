import { spawn } from 'node:child_process'
import path from 'node:path'

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export const ADDON: string = process.env.NONNEG_NATIVE_PATH ?? path.resolve('build/Release/nonneg.node')

/**
 * Runs CommonJS in a process of its own. It finds `addon` (unless only its Workers are to load it), `inWorker(script)` and `endless(threads)`: a NativeFit that is uploaded, and
 * whose runs take long enough to be interrupted.
 */
export function runChild(script: string, timeoutMs = 30_000, { loadsAddon = true } = {}): Promise<Ended> {
  const load = loadsAddon ? 'globalThis.addon = require(addonPath)' : ''
  const child = spawn(
    process.execPath,
    ['-e', `${withItself(PRELUDE)}\n${load}\n;(async () => {${script}})()`, ADDON],
    { timeout: timeoutMs },
  )
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', text => {
    stdout += text
  })
  child.stderr.on('data', text => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }))
  })
}

/** Also usable inside a Worker that gets the addon's path as `workerData`. */
const PRELUDE = `
globalThis.workerThreads = require('node:worker_threads')
globalThis.addonPath = workerThreads.workerData ?? process.argv[1]
const terms = { l1: 0, l2: 0, moving: 16, most: Infinity }
const rule = { rule: 'mu', termsW: terms, termsH: terms, step: 1, rounds: 1, extrapolate: false }
globalThis.choices = { fixedH: false, dtype: 'f32', beta: 2, ...rule }
globalThis.endless = async (threads, rows = 600, columns = 500) => {
  const rank = 16
  const filled = length => Float32Array.from({ length }, (_, i) => 0.1 + (i * 7919 % 1000) / 1000)
  const X = filled(rows * columns)
  const squaredNorm = X.reduce((sum, x) => sum + x * x, 0)
  const isa = addon.isas.at(-1)
  const options = { ...choices, device: 'cpu', isa, rows, columns, rank, nonzeros: -1, squaredNorm, threads }
  const fit = new addon.NativeFit(options)
  fit.uploadDense(rows, X, 0, columns)
  await fit.setFactors(filled(rows * rank), filled(columns * rank))
  return fit
}
globalThis.FOREVER = 2 ** 31 - 1
globalThis.wait = ms => new Promise(resolve => setTimeout(resolve, ms))
globalThis.inWorker = script =>
  new workerThreads.Worker(prelude + '\\nglobalThis.addon = require(addonPath)\\n;(async () => {' + script + '})()', { eval: true, workerData: addonPath })
`

/** The same script again, as the text that `inWorker` puts before its own. */
const withItself = (text: string): string => `${text}\nglobalThis.prelude = ${JSON.stringify(text)}`
