import { Breather, inSlices } from '../../core/breathe.js'
import type { DenseView, MatrixView } from '../../core/matrix.js'
import { transposeCsr, transposeDense } from '../../core/matrix.js'
import { dot } from '../../kernels/dot.js'
import { gram } from '../../kernels/gram.js'
import { mu_update, SMALLEST } from '../../kernels/mu_update.js'
import { xht_csr } from '../../kernels/xht_csr.js'
import { xht_dense } from '../../kernels/xht_dense.js'
import { xtw_dense } from '../../kernels/xtw_dense.js'
import type { Factors, Fit, FitSpec, Problem, RunControls, SweepReport } from '../backend.js'

/** Multiply-adds in one slice: about two milliseconds of plain JavaScript. */
const SLICE = 1 << 20

function* packed(view: DenseView): Generator<void, Float64Array> {
  const out = new Float64Array(view.rows * view.columns)
  for (let i = 0; i < view.rows; i++) {
    const start = view.offset + i * view.stride
    out.set(view.data.subarray(start, start + view.columns), i * view.columns)
    yield
  }
  return out
}

/** N = X·F for X in some form, a slice of rows at a time. */
interface Products {
  /** N[rows × rank] = X·Ht */
  xht(Ht: Float64Array, N: Float64Array): Generator<void, void>
  /** A[columns × rank] = Xᵀ·W */
  xtw(W: Float64Array, A: Float64Array): Generator<void, void>
}

function* rowSlices(rows: number, work: number): Generator<readonly [number, number], void> {
  const step = Math.max(1, Math.floor(SLICE / Math.max(1, work)))
  for (let i = 0; i < rows; i += step) yield [i, Math.min(rows, i + step)]
}

function denseProducts(X: Float64Array, rows: number, columns: number, rank: number): Products {
  const panel = (begin: number, end: number) => ({
    dims: { rows: end - begin, columns, rank, stride: columns },
    X: X.subarray(begin * columns, end * columns),
  })
  return {
    *xht(Ht, N) {
      for (const [begin, end] of rowSlices(rows, columns * rank)) {
        const { dims, X: Xp } = panel(begin, end)
        xht_dense.reference(dims, { X: Xp, Ht, N: N.subarray(begin * rank, end * rank) })
        yield
      }
    },
    *xtw(W, A) {
      A.fill(0)
      for (const [begin, end] of rowSlices(rows, columns * rank)) {
        const { dims, X: Xp } = panel(begin, end)
        xtw_dense.reference(dims, { X: Xp, W: W.subarray(begin * rank, end * rank), A })
        yield
      }
    },
  }
}

type Csr = { indptr: Uint32Array; indices: Uint32Array; values: Float64Array; rows: number; columns: number }

function* csrProduct(X: Csr, F: Float64Array, N: Float64Array, rank: number): Generator<void, void> {
  const average = Math.ceil(X.values.length / Math.max(1, X.rows))
  for (const [begin, end] of rowSlices(X.rows, average * rank)) {
    const dims = { rows: end - begin, columns: X.columns, rank, nonzeros: X.values.length }
    const indptr = X.indptr.subarray(begin, end + 1)
    const rows = N.subarray(begin * rank, end * rank)
    xht_csr.reference(dims, { indptr, indices: X.indices, values: X.values, Ht: F, N: rows })
    yield
  }
}

function* loadProducts(X: MatrixView, rank: number): Generator<void, Products> {
  if (X.kind === 'dense') return denseProducts(yield* packed(X), X.rows, X.columns, rank)
  const nonzeros = X.indptr[X.rows]
  const wide = { ...X, values: new Float64Array(X.values.subarray(0, nonzeros)) }
  const byRow: Csr = { ...wide, indptr: X.indptr.slice(), indices: X.indices.slice(0, nonzeros) }
  const byColumn = (yield* transposeCsr(wide)) as Csr
  return {
    xht: (Ht, N) => csrProduct(byRow, Ht, N, rank),
    xtw: (W, A) => csrProduct(byColumn, W, A, rank),
  }
}

export class ReferenceFit implements Fit {
  readonly #spec: FitSpec
  readonly #rows: number
  readonly #columns: number
  readonly #squaredNorm: number
  readonly #products: Products
  readonly #W: Float64Array
  readonly #Ht: Float64Array
  readonly #N: Float64Array
  readonly #A: Float64Array
  readonly #S: Float64Array
  readonly #G: Float64Array
  /** Whether #G is the Gram matrix of #Ht as it is; an aborted iteration may leave it behind. */
  #gramIsFresh = false

  private constructor(problem: Problem, spec: FitSpec, products: Products, W: Float64Array, Ht: Float64Array) {
    this.#spec = spec
    this.#rows = problem.X.rows
    this.#columns = problem.X.columns
    this.#squaredNorm = problem.squaredNorm
    this.#products = products
    this.#W = W
    this.#Ht = Ht
    this.#N = new Float64Array(this.#rows * spec.rank)
    this.#A = new Float64Array(this.#columns * spec.rank)
    this.#S = new Float64Array(spec.rank * spec.rank)
    this.#G = new Float64Array(spec.rank * spec.rank)
  }

  static async create(problem: Problem, spec: FitSpec): Promise<ReferenceFit> {
    const { X, H } = problem
    const products = await inSlices(loadProducts(X, spec.rank))
    const W = await inSlices(packed(problem.W))
    const Ht = (await inSlices(transposeDense(await inSlices(packed(H)), spec.rank, X.columns))) as Float64Array
    return new ReferenceFit(problem, spec, products, W, Ht)
  }

  async run(iterations: number, controls: RunControls = {}): Promise<SweepReport> {
    const start = performance.now()
    const losses: number[] = []
    const seconds: number[] = []
    let stopped: SweepReport['stopped'] = 'done'
    const breather = new Breather()
    for (let done = 0; done < iterations && stopped === 'done'; done++) {
      if (done > 0 && controls.deadline !== undefined && performance.now() >= controls.deadline) {
        stopped = 'deadline'
        break
      }
      const steps = this.#iteration()
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done) {
          losses.push(step.value)
          seconds.push((performance.now() - start) / 1000)
          break
        }
        if (breather.due()) await breather.rest()
        if (controls.signal?.aborted) {
          stopped = 'aborted'
          break
        }
      }
    }
    return {
      iterations: losses.length,
      losses: Float64Array.from(losses),
      seconds: Float64Array.from(seconds),
      stopped,
    }
  }

  async evaluate(): Promise<number> {
    const self = this
    return await inSlices(
      (function* () {
        yield* self.#gramOfH()
        yield* self.#productsOfW()
        return yield* self.#loss()
      })(),
    )
  }

  async factors(): Promise<Factors> {
    const H = await inSlices(transposeDense(this.#Ht, this.#columns, this.#spec.rank))
    if (this.#spec.dtype === 'f64') return { W: this.#W.slice(), H: H as Float64Array }
    return { W: Float32Array.from(this.#W), H: Float32Array.from(H) }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  *#iteration(): Generator<void, number> {
    if (!this.#gramIsFresh) yield* this.#gramOfH()
    yield* this.#products.xht(this.#Ht, this.#N)
    yield* this.#update(this.#W, this.#N, this.#G, this.#rows)
    yield* this.#productsOfW()
    if (this.#spec.fixed !== 'H') {
      this.#gramIsFresh = false
      yield* this.#update(this.#Ht, this.#A, this.#S, this.#columns)
      yield* this.#gramOfH()
    }
    return yield* this.#loss()
  }

  *#gramOfH(): Generator<void, void> {
    yield* this.#gramOf(this.#Ht, this.#columns, this.#G)
    this.#gramIsFresh = true
  }

  *#productsOfW(): Generator<void, void> {
    yield* this.#gramOf(this.#W, this.#rows, this.#S)
    yield* this.#products.xtw(this.#W, this.#A)
  }

  *#update(F: Float64Array, N: Float64Array, G: Float64Array, rows: number): Generator<void, void> {
    const { rank, dtype } = this.#spec
    const smallest = dtype === 'f64' ? 2 ** -1022 : SMALLEST
    for (const [begin, end] of rowSlices(rows, rank * rank)) {
      const window = [begin * rank, end * rank] as const
      mu_update.reference(
        { rows: end - begin, rank, smallest },
        { F: F.subarray(...window), N: N.subarray(...window), G },
      )
      yield
    }
  }

  *#gramOf(F: Float64Array, rows: number, G: Float64Array): Generator<void, void> {
    const { rank } = this.#spec
    G.fill(0)
    for (const [begin, end] of rowSlices(rows, rank * rank)) {
      gram.reference({ rows: end - begin, rank }, { F: F.subarray(begin * rank, end * rank), G })
      yield
    }
  }

  /** ½‖X‖² − ⟨XᵀW, Hᵀ⟩ + ½⟨WᵀW, HHᵀ⟩; A and S must belong to W, G to H. */
  *#loss(): Generator<void, number> {
    const inner = (a: Float64Array, b: Float64Array) => {
      const sum = new Float64Array(1)
      dot.reference({ length: a.length }, { a, b, sum })
      return sum[0]
    }
    let cross = 0
    for (const [begin, end] of rowSlices(this.#A.length, 1)) {
      cross += inner(this.#A.subarray(begin, end), this.#Ht.subarray(begin, end))
      yield
    }
    return Math.max(0, 0.5 * this.#squaredNorm - cross + 0.5 * inner(this.#S, this.#G))
  }
}
