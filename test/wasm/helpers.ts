import { createHash } from 'node:crypto'
import v8 from 'node:v8'
import type { FitSpec, Problem } from '../../ts/backends/backend.js'
import { wasmBackend } from '../../ts/backends/wasm/backend.js'
import type { WasmDevice } from '../../ts/backends/wasm/device.js'
import { features } from '../../ts/backends/wasm/probe.js'
import { type CsrView, type DenseView, denseView, type MatrixView } from '../../ts/core/matrix.js'

export interface Mode {
  readonly threads?: number
  readonly build?: 'plain' | 'relaxed'
  readonly shared?: boolean
}

/** Opens a device as the environment variables of a mode ask for; the caller disposes of it. */
export async function open({ threads = 1, build = 'plain', shared = true }: Mode = {}): Promise<WasmDevice> {
  // Node 20 has relaxed SIMD behind a flag, which later versions do not know any more
  if (build === 'relaxed' && !features().relaxedSimd) v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
  process.env.NONNEG_WASM = build
  process.env.NONNEG_WASM_SHARED = shared ? 'on' : 'off'
  try {
    return (await wasmBackend.open({ threads })) as WasmDevice
  } finally {
    delete process.env.NONNEG_WASM
    delete process.env.NONNEG_WASM_SHARED
  }
}

/** Numbers in (0, 1), fast rather than good (Tommy Ettinger's mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (((t ^ (t >>> 14)) >>> 8) + 0.5) / 2 ** 24
  }
}

export function dense(rows: number, columns: number, options: { stride?: number; f64?: boolean } = {}): DenseView {
  const random = generator(rows * 101 + columns)
  const stride = options.stride ?? columns
  const offset = stride - columns
  // what lies between the rows must never be read
  const data = new (options.f64 ? Float64Array : Float32Array)(offset + rows * stride).fill(Number.NaN)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) data[offset + i * stride + j] = random() < 0.2 ? 0 : random()
  }
  return { kind: 'dense', data, rows, columns, stride, offset }
}

export function sparse(rows: number, columns: number, percent: number): CsrView {
  const random = generator(rows * 103 + columns)
  const indptr = new Uint32Array(rows + 1)
  const indices: number[] = []
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns && i % 9 !== 4; j++) if (random() * 100 < percent) indices.push(j)
    indptr[i + 1] = indices.length
  }
  const values = Float32Array.from(indices, () => 1 + Math.floor(5 * random()))
  return { kind: 'csr', indptr, indices: Uint32Array.from(indices), values, rows, columns }
}

/** Entries of X by row, in float64. */
export function entries(X: MatrixView): Float64Array {
  const out = new Float64Array(X.rows * X.columns)
  for (let i = 0; i < X.rows; i++) {
    if (X.kind === 'dense') {
      for (let j = 0; j < X.columns; j++) out[i * X.columns + j] = X.data[X.offset + i * X.stride + j]
    } else {
      for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) out[i * X.columns + X.indices[p]] += X.values[p]
    }
  }
  return out
}

export function specOf(rank: number, fixed?: 'H'): FitSpec {
  return { rank, beta: 2, rule: 'mu', dtype: 'f32', fixed }
}

export function problemOf(X: MatrixView, rank: number): Problem {
  const random = generator(rank)
  const uniform = (length: number) => Float32Array.from({ length }, random)
  const values = X.kind === 'dense' ? entries(X) : X.values
  let squaredNorm = 0
  for (const value of values) squaredNorm += value * value
  const W = denseView(uniform(X.rows * rank), X.rows, rank)
  const H = denseView(uniform(rank * X.columns), rank, X.columns)
  return { X, squaredNorm, W, H }
}

export interface Outcome {
  readonly losses: Float64Array
  readonly W: Float32Array
  readonly H: Float32Array
  readonly evaluated: number
}

/** Iterations of the fits below. */
const ITERATIONS = 6

/** A digest of every bit of an outcome. */
export function bitsOf({ losses, W, H, evaluated }: Outcome): string {
  const hash = createHash('sha256')
  for (const { buffer, byteOffset, byteLength } of [losses, W, H, Float64Array.of(evaluated)]) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  }
  return hash.digest('hex')
}

/** A whole fit in two runs; the device is clean afterwards. */
export async function fitOn(device: WasmDevice, problem: Problem, rank: number, fixed?: 'H'): Promise<Outcome> {
  const fit = await device.createFit(problem, specOf(rank, fixed))
  const before = await fit.run(2)
  const after = await fit.run(ITERATIONS - 2)
  const evaluated = await fit.evaluate()
  const { W, H } = await fit.factors()
  await fit[Symbol.asyncDispose]()
  const losses = Float64Array.of(...before.losses, ...after.losses)
  return { losses, W: W as Float32Array, H: H as Float32Array, evaluated }
}

/** The same in float64, written down from the formulas: W ∘ XHᵀ / WHHᵀ, then H ∘ WᵀX / WᵀWH, then ½‖X − WH‖². */
export function plainFit({ X, W: W0, H: H0 }: Problem, rank: number, fixed?: 'H'): Outcome {
  const { rows, columns } = X
  const x = entries(X)
  const W = Float64Array.from(W0.data)
  const H = Float64Array.from(H0.data)
  const product = () => {
    const out = new Float64Array(rows * columns)
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) {
        for (let j = 0; j < columns; j++) out[i * columns + j] += W[i * rank + r] * H[r * columns + j]
      }
    }
    return out
  }
  const gram = (length: number, at: (r: number, i: number) => number) => {
    const out = new Float64Array(rank * rank)
    for (let r = 0; r < rank; r++) {
      for (let s = 0; s < rank; s++) for (let i = 0; i < length; i++) out[r * rank + s] += at(r, i) * at(s, i)
    }
    return out
  }
  const ratio = (old: number, above: number, below: number) => (below > 0 ? (old * above) / below : 0)
  const losses = new Float64Array(ITERATIONS)
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    const G = gram(columns, (r, j) => H[r * columns + j])
    for (let i = 0; i < rows; i++) {
      const old = W.slice(i * rank, (i + 1) * rank)
      for (let r = 0; r < rank; r++) {
        let above = 0
        let below = 0
        for (let j = 0; j < columns; j++) above += x[i * columns + j] * H[r * columns + j]
        for (let s = 0; s < rank; s++) below += old[s] * G[s * rank + r]
        W[i * rank + r] = ratio(old[r], above, below)
      }
    }
    const S = gram(rows, (r, i) => W[i * rank + r])
    const A = new Float64Array(rank * columns)
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) {
        for (let j = 0; j < columns; j++) A[r * columns + j] += W[i * rank + r] * x[i * columns + j]
      }
    }
    for (let j = 0; j < columns && fixed !== 'H'; j++) {
      const old = Float64Array.from({ length: rank }, (_, r) => H[r * columns + j])
      for (let r = 0; r < rank; r++) {
        let below = 0
        for (let s = 0; s < rank; s++) below += old[s] * S[s * rank + r]
        H[r * columns + j] = ratio(old[r], A[r * columns + j], below)
      }
    }
    losses[iteration] = product().reduce((sum, value, p) => sum + 0.5 * (x[p] - value) ** 2, 0)
  }
  return { losses, W: Float32Array.from(W), H: Float32Array.from(H), evaluated: losses[ITERATIONS - 1] }
}

/** ‖a − b‖ / ‖b‖ */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return Math.sqrt(difference / (norm || 1))
}
