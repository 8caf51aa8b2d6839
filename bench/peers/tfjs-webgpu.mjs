// @tensorflow/tfjs on @tensorflow/tfjs-backend-webgpu. The package is made for browsers: what it looks for there (`navigator.gpu`
// and the objects that name WebGPU's flags) is put in its place first, from the GPU that nonneg's own backend would take.
import { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { webgpuBackend } from '../../ts/backends/webgpu/backend.ts'
import { nodeGpu } from '../../ts/backends/webgpu/provider-node.ts'
import { Absent, serve } from '../contestants/serve.mjs'
import { nameOf } from '../gpu/open.ts'
import { denseStart, frobeniusLoss } from './fit.mjs'

// this file is bundled with the package's sources, so the peers' packages are looked for from their own folder
const require = createRequire(path.resolve('bench', 'peers', 'package.json'))

/** @param {string} name */
async function peerPackage(name) {
  let file
  try {
    file = require.resolve(name)
  } catch {
    throw new Absent(`${name} is not installed`)
  }
  const module = await import(pathToFileURL(file).href)
  return module.default ?? module
}

let tf
let problem
let X
let state

/** Makes this process look like a browser with that GPU. */
async function installGpu() {
  const source = await nodeGpu.find()
  if (!source.found) throw new Absent(`${source.reason} (${source.fix})`)
  const { globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  const navigator = { gpu: source.gpu, userAgent: 'node', platform: process.platform }
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true })
  return source
}

/** The update as users of the package write it, with the flags of matMul: no product asks for a copy. */
function iterate({ W, H }) {
  const nextW = tf.mul(tf.div(W, tf.matMul(W, tf.matMul(H, H, false, true))), tf.matMul(X, H, false, true))
  const gram = tf.matMul(nextW, nextW, true)
  return { W: nextW, H: tf.mul(tf.div(H, tf.matMul(gram, H)), tf.matMul(nextW, X, true)) }
}

await serve({
  async start(words) {
    problem = denseStart(words)
    const { emulated, info } = await webgpuBackend(nodeGpu).probe()
    const source = await installGpu()
    tf = await peerPackage('@tensorflow/tfjs')
    await peerPackage('@tensorflow/tfjs-backend-webgpu')
    if (!(await tf.setBackend('webgpu'))) throw new Absent('tfjs takes no GPU here')
    const { device } = tf.backend()
    source.endWithProcess?.(() => device.destroy())
    const { rows, columns } = problem
    X = tf.tensor2d(problem.X.data, [rows, columns])
    return { variant: `${tf.version.tfjs} on ${nameOf(info, emulated)}`, emulated: Number(emulated) }
  },
  async run(iterations) {
    const { rows, columns, rank } = problem
    tf.dispose(state)
    state = { W: tf.tensor2d(problem.W.data, [rows, rank]), H: tf.tensor2d(problem.H.data, [rank, columns]) }
    const begun = performance.now()
    for (let i = 0; i < iterations; i++) {
      const next = tf.tidy(() => iterate(state))
      tf.dispose(state)
      state = next
    }
    // what was asked for is computed when the queue is through with it
    await state.W.data()
    return (performance.now() - begun) / 1000
  },
  async loss() {
    const Ht = tf.transpose(state.H)
    return frobeniusLoss(problem, await state.W.data(), await Ht.data())
  },
})
