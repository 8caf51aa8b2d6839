// @tensorflow/tfjs on @tensorflow/tfjs-backend-wasm, as well as it can express the update. Its fast product (XNNPACK)
// serves untransposed operands alone, so X and H are held both ways round and no product asks for a transpose. With
// products=transposed the update is written as its users would, with the flags of matMul.
import { createRequire } from 'node:module'
import path from 'node:path'
import { serve } from '../contestants/serve.mjs'
import { denseStart, frobeniusLoss, packageOf } from './fit.mjs'

let tf
let problem
let X
let Xt
let iterate
let state

function transposedProducts({ W, Ht }) {
  const nextW = tf.mul(tf.div(W, tf.matMul(W, tf.matMul(Ht, Ht, true))), tf.matMul(X, Ht))
  const gram = tf.matMul(nextW, nextW, true)
  return { W: nextW, Ht: tf.mul(tf.div(Ht, tf.matMul(Ht, gram)), tf.matMul(X, nextW, true)) }
}

function bothWaysRound({ W, H, Ht }) {
  const nextW = tf.mul(tf.div(W, tf.matMul(W, tf.matMul(H, Ht))), tf.matMul(X, Ht))
  const gram = tf.matMul(tf.transpose(nextW), nextW)
  const nextHt = tf.mul(tf.div(Ht, tf.matMul(Ht, gram)), tf.matMul(Xt, nextW))
  return { W: nextW, H: tf.transpose(nextHt), Ht: nextHt }
}

await serve({
  async start(words) {
    problem = denseStart(words)
    iterate = words.products === 'transposed' ? transposedProducts : bothWaysRound
    tf = await packageOf('@tensorflow/tfjs')
    const { setWasmPaths, version_wasm: version } = await packageOf('@tensorflow/tfjs-backend-wasm')
    const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(`${path.dirname(main)}/`)
    await tf.setBackend('wasm')
    const { rows, columns } = problem
    X = tf.tensor2d(problem.X.data, [rows, columns])
    Xt = tf.transpose(X)
    const simd = await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')
    return { variant: `${version} ${simd ? 'SIMD' : 'no SIMD'}` }
  },
  async run(iterations) {
    const { rows, columns, rank } = problem
    tf.dispose(state)
    const W = tf.tensor2d(problem.W.data, [rows, rank])
    const H = tf.tensor2d(problem.H.data, [rank, columns])
    state = { W, H, Ht: tf.transpose(H) }
    const begun = performance.now()
    for (let i = 0; i < iterations; i++) {
      const next = tf.tidy(() => iterate(state))
      tf.dispose(state)
      state = next
    }
    // the wasm backend computes as it is called; reading one factor makes sure
    await state.W.data()
    return (performance.now() - begun) / 1000
  },
  async loss() {
    return frobeniusLoss(problem, await state.W.data(), await state.Ht.data())
  },
})
