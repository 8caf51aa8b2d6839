// The best that plain JavaScript does: the multiplicative update in register tiles over Float32Arrays. The tiles are
// written out by a generator, as the sums must be local variables to stay in registers.
//   tile=4x4    sums in float64, where nothing is rounded in between
//   tile=4x2    every step rounded to float32 by Math.fround
import { serve } from '../contestants/serve.mjs'
import { denseStart, frobeniusLoss, transposed } from './fit.mjs'

/** Rows that are added up before a tile moves on, so that its strided columns stay in the cache. */
const BLOCK = 128

const times = (count, text) => Array.from({ length: count }, (_, i) => text(i)).join('\n')

/** The sums of one tile: `load` gives the operands of step p, `next` moves on. */
function tileText(height, width, round, { head, load, next }) {
  const each = text => times(height, r => times(width, c => text(r, c)))
  const add = (r, c) => {
    const sum = round ? `fround(c${r}${c} + fround(x${r} * y${c}))` : `c${r}${c} + x${r} * y${c}`
    return `c${r}${c} = ${sum}`
  }
  return `
    ${each((r, c) => `let c${r}${c} = ${round ? 'fround(0)' : '0'}`)}
    ${head}
      ${load}
      ${each(add)}
      ${next}
    }
    ${times(height, r => `const q${r} = (i + ${r}) * n + j`)}
    ${each((r, c) => `C[q${r} + ${c}] += c${r}${c}`)}`
}

/** C[m × n] = A[m × k] · B[n × k]ᵀ */
function abt(height, width, round) {
  const tile = tileText(height, width, round, {
    head: `${times(height, r => `const a${r} = (i + ${r}) * k`)}
    ${times(width, c => `const b${c} = (j + ${c}) * k`)}
    for (let p = 0; p < k; p++) {`,
    load: `${times(width, c => `const y${c} = B[b${c} + p]`)}
      ${times(height, r => `const x${r} = A[a${r} + p]`)}`,
    next: '',
  })
  return `C.fill(0)
  for (let i = 0; i < m; i += ${height}) for (let j = 0; j < n; j += ${width}) {${tile}
  }`
}

/** C[m × n] = A[k × m]ᵀ · B[k × n] */
function atb(height, width, round) {
  const tile = tileText(height, width, round, {
    head: 'for (let p = p0, a = p0 * m + i, b = p0 * n + j; p < p1; p++) {',
    load: `${times(width, c => `const y${c} = B[b + ${c}]`)}
      ${times(height, r => `const x${r} = A[a + ${r}]`)}`,
    next: 'a += m; b += n',
  })
  return `C.fill(0)
  for (let p0 = 0; p0 < k; p0 += ${BLOCK}) {
    const p1 = Math.min(k, p0 + ${BLOCK})
    for (let i = 0; i < m; i += ${height}) for (let j = 0; j < n; j += ${width}) {${tile}
    }
  }`
}

function compiled(body) {
  return new Function('m', 'n', 'k', 'A', 'B', 'C', `'use strict'; const { fround } = Math\n${body}`)
}

const TILES = { '4x4': [4, 4, false], '4x2': [4, 2, true] }

let problem
let products
let state

/** F ← F ∘ N / (F·G) */
function update(rows, rank, F, N, G, D) {
  products.abt(rows, rank, rank, F, G, D)
  for (let i = 0; i < F.length; i++) F[i] = (F[i] / D[i]) * N[i]
}

function iterate({ X, rows, columns, rank }, { W, Ht, G, N, A, D, E }) {
  products.atb(rank, rank, columns, Ht, Ht, G)
  products.abt(rows, rank, columns, X.data, transposed(Ht, columns, rank), N)
  update(rows, rank, W, N, G, D)
  products.atb(columns, rank, rows, X.data, W, A)
  products.atb(rank, rank, rows, W, W, G)
  update(columns, rank, Ht, A, G, E)
}

await serve({
  async start(words) {
    problem = denseStart(words)
    const tile = TILES[words.tile]
    products = { abt: compiled(abt(...tile)), atb: compiled(atb(...tile)) }
    return {}
  },
  async run(iterations) {
    const { W, H, rows, columns, rank } = problem
    const of = length => new Float32Array(length)
    const [tall, wide] = [rows * rank, columns * rank]
    const scratch = { G: of(rank * rank), N: of(tall), A: of(wide), D: of(tall), E: of(wide) }
    state = { W: W.data.slice(), Ht: transposed(H.data, rank, columns), ...scratch }
    const begun = performance.now()
    for (let i = 0; i < iterations; i++) iterate(problem, state)
    return (performance.now() - begun) / 1000
  },
  async loss() {
    return frobeniusLoss(problem, state.W, state.Ht)
  },
})
