// onnxruntime-web on WebAssembly: one iteration as a graph of products, whose constants are X and its transpose. Only the
// factors cross between JavaScript and the graph.
import { serve } from '../contestants/serve.mjs'
import { denseStart, frobeniusLoss, packageOf, transposed } from './fit.mjs'
import { onnxModel } from './onnx-model.mjs'

const UPDATE = [
  ['H', 'Transpose', 'Ht'],
  ['G', 'MatMul', 'H', 'Ht'],
  ['D', 'MatMul', 'W', 'G'],
  ['Q', 'Div', 'W', 'D'],
  ['N', 'MatMul', 'X', 'Ht'],
  ['newW', 'Mul', 'Q', 'N'],
  ['Wt', 'Transpose', 'newW'],
  ['S', 'MatMul', 'Wt', 'newW'],
  ['E', 'MatMul', 'Ht', 'S'],
  ['P', 'Div', 'Ht', 'E'],
  ['A', 'MatMul', 'Xt', 'newW'],
  ['newHt', 'Mul', 'P', 'A'],
]

let ort
let problem
let session
let state

await serve({
  async start(words) {
    problem = denseStart(words)
    ort = await packageOf('onnxruntime-web')
    ort.env.wasm.numThreads = Number(words.threads)
    ort.env.logLevel = 'error'
    const { X, rows, columns, rank } = problem
    const tall = [rows, rank]
    const wide = [columns, rank]
    const tensors = [
      { name: 'X', shape: [rows, columns], data: X.data },
      { name: 'Xt', shape: [columns, rows], data: transposed(X.data, rows, columns) },
      { name: 'W', shape: tall },
      { name: 'Ht', shape: wide },
    ]
    const outputs = [
      { name: 'newW', shape: tall },
      { name: 'newHt', shape: wide },
    ]
    session = await ort.InferenceSession.create(onnxModel(UPDATE, tensors, outputs), { executionProviders: ['wasm'] })
    return { variant: ort.env.versions.web ?? ort.env.versions.common }
  },
  async run(iterations) {
    const { rows, columns, rank } = problem
    state = {
      W: new ort.Tensor('float32', problem.W.data, [rows, rank]),
      Ht: new ort.Tensor('float32', transposed(problem.H.data, rank, columns), [columns, rank]),
    }
    const begun = performance.now()
    for (let i = 0; i < iterations; i++) {
      const { newW, newHt } = await session.run(state)
      state = { W: newW, Ht: newHt }
    }
    return (performance.now() - begun) / 1000
  },
  async loss() {
    return frobeniusLoss(problem, state.W.data, state.Ht.data)
  },
})
