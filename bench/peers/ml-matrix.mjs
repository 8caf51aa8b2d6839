// ml-matrix: float64, one thread, a straightforward product. Its own methods, in place where it has them.
import { serve } from '../contestants/serve.mjs'
import { denseStart, frobeniusLoss, packageOf } from './fit.mjs'

let Matrix
let problem
let X
let Xt
let W
let Ht

const matrixOf = (data, rows, columns) =>
  new Matrix(Array.from({ length: rows }, (_, i) => Float64Array.from(data.subarray(i * columns, (i + 1) * columns))))

function iterate() {
  const H = Ht.transpose()
  W.div(W.mmul(H.mmul(Ht))).mul(X.mmul(Ht))
  Ht.div(Ht.mmul(W.transpose().mmul(W))).mul(Xt.mmul(W))
}

await serve({
  async start(words) {
    problem = denseStart(words)
    const package_ = await packageOf('ml-matrix')
    Matrix = package_.Matrix
    X = matrixOf(problem.X.data, problem.rows, problem.columns)
    Xt = X.transpose()
    return { variant: 'f64' }
  },
  async run(iterations) {
    const { rows, columns, rank } = problem
    W = matrixOf(problem.W.data, rows, rank)
    Ht = matrixOf(problem.H.data, rank, columns).transpose()
    const begun = performance.now()
    for (let i = 0; i < iterations; i++) iterate()
    return (performance.now() - begun) / 1000
  },
  async loss() {
    return frobeniusLoss(problem, Float64Array.from(W.to1DArray()), Float64Array.from(Ht.to1DArray()))
  },
})
