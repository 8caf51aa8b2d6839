import { expect, it } from 'vitest'
import type { FitSpec, Weights } from '../../ts/backends/backend.js'
import { Crew } from '../../ts/backends/wasm/crew.js'
import { Heap, Views } from '../../ts/backends/wasm/heap.js'
import { create, factors, run, runBatches } from '../../ts/backends/wasm/jobs.js'
import { moduleBytes } from '../../ts/backends/wasm/kernels.js'
import { packed, sourceOf, weightsOf } from '../../ts/backends/wasm/source.js'
import { Thread } from '../../ts/backends/wasm/thread.js'
import { inSlices } from '../../ts/core/breathe.js'
import type { MatrixView } from '../../ts/core/matrix.js'
import { wasmPlainF32 } from '../../ts/generated/wasm-plain-f32.js'
import { bitsOf, dense, problemOf, sparse, specOf } from './helpers.js'

const counts = sparse(600, 500, 40)
const listed: Weights = { kind: 'entries', values: counts.values.map((_, p) => 0.5 + (p % 3)) }
const table: Weights = dense(90, 7000, { stride: 7100 })

const module = new WebAssembly.Module(moduleBytes(wasmPlainF32, true))

function finish<T>(steps: Iterator<unknown, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

interface Case {
  readonly X: MatrixView
  readonly rank: number
  readonly spec?: Partial<FitSpec>
  readonly weights?: Weights
}

/** A fit on one thread in this one, in memory of so many pages; where it can, it ends with batches, which find memory beyond. */
async function fitWithin(pages: number, { X, rank, spec, weights }: Case) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 8192, shared: true })
  const thread = new Thread(new Views(memory), 0)
  thread.install('f32', module)
  const crew = new Crew(thread, undefined)
  const { squaredNorm, W, H } = problemOf(X, rank)
  const [held] = finish(
    create(crew, new Heap(memory, pages), true, {
      ...({ kind: 'create', fit: 1, spec: { ...specOf(rank), ...spec }, threads: 1, squaredNorm } as const),
      source: await inSlices(sourceOf(X, 'f32', true, weights)),
      weights: await inSlices(weightsOf(weights, 'f32', true)),
      flags: new Int32Array(1),
      W: await inSlices(packed(W, 'f32')),
      H: await inSlices(packed(H, 'f32')),
    }),
  )
  const blocks = held.blocks.length
  const request = { kind: 'run', fit: 1, iterations: 3, remaining: Number.POSITIVE_INFINITY, joined: false } as const
  const runs = [finish(run(crew, held, request, performance.now())).losses]
  if ((spec?.rule ?? 'mu') === 'mu') {
    const beyond = new Heap(memory, 8192)
    beyond.allocate(pages * 65536)
    const half = Math.floor(X.rows / 2)
    const batches = [
      { first: half, count: X.rows - half, keep: 0.5 },
      { first: 0, count: X.rows, keep: 0.75 },
    ]
    runs.push(
      finish(runBatches(crew, beyond, held, { ...request, kind: 'runBatches', batches }, performance.now())).losses,
    )
  }
  const losses = Float64Array.from(runs.flatMap(list => [...list]))
  const result = finish(factors(crew, held))
  const bits = bitsOf({ losses, W: result.W as Float32Array, H: result.H as Float32Array, evaluated: 0 })
  const { shared } = held
  return { bits, scheme: shared.layout.scheme, bytes: shared.layout.bytes, blocks }
}

it.each([
  { name: 'panels', rank: 50, X: dense(900, 400), copies: 1 },
  { name: 'blocks', rank: 13, X: dense(20, 20_000), copies: 1 },
  { name: 'gather', rank: 16, X: sparse(600, 500, 40), copies: 2 },
  { name: 'gather', rank: 8, X: sparse(2, 70_000, 97), copies: 2 },
  { name: 'entries', rank: 16, X: counts, spec: { beta: 1 }, copies: 2 },
  { name: 'entries', rank: 4, X: counts, spec: { beta: 1.5, rule: 'hals' }, weights: listed, copies: 2 },
  { name: 'entries', rank: 8, X: sparse(2, 70_000, 97), spec: { beta: 1 }, copies: 2 },
  { name: 'entries', rank: 16, X: counts, spec: { beta: 1.5 }, weights: listed, copies: 2 },
  { name: 'tiles', rank: 8, X: dense(900, 700), spec: { beta: 1, rule: 'pg' }, copies: 1 },
  { name: 'tiles', rank: 8, X: dense(90, 7000), spec: { rule: 'hals' }, weights: table, copies: 2 },
] satisfies (Case & { name: string; copies: number })[])(
  '$name with X outside wasm memory gives the bits it gives inside',
  async given => {
    const { name, copies } = given
    const roomy = await fitWithin(4096, given)
    expect(roomy).toMatchObject({ scheme: name, blocks: 1 + copies })
    // room for the factors, what fits are warmed up on, and the page that is never given
    const tight = await fitWithin(Math.ceil(roomy.bytes / 65536) + 3, given)
    expect(tight.blocks).toBe(1)
    expect(tight.bits).toBe(roomy.bits)
  },
)
