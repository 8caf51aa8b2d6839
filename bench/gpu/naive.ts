import { USAGE } from '../../ts/backends/webgpu/gpu.js'
import { Owned } from '../../ts/backends/webgpu/owned.js'
import { Dispatches, type Subject } from './dispatches.js'
import type { OpenGpu } from './open.js'
import { compiled, stepOf } from './own-shader.js'

const WORKGROUP = 64

/** A product of matrices, one thread for each entry: `left` and `right` say where the terms of entry (i, j) lie. */
const product = (left: string, right: string) => `
@group(0) @binding(0) var<uniform> p: vec4u; // rows and columns of the product, length of its sums
@group(0) @binding(1) var<storage, read> A: array<f32>;
@group(0) @binding(2) var<storage, read> B: array<f32>;
@group(0) @binding(3) var<storage, read_write> C: array<f32>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.x * p.y) { return; }
  let i = id.x / p.y;
  let j = id.x % p.y;
  var sum = 0f;
  for (var k = 0u; k < p.z; k++) { sum += A[${left}] * B[${right}]; }
  C[id.x] = sum;
}`

/** C = A·B, A·Bᵀ and Aᵀ·B of matrices in rows. */
const PRODUCTS = {
  plain: product('i * p.z + k', 'k * p.y + j'),
  rightTransposed: product('i * p.z + k', 'j * p.z + k'),
  leftTransposed: product('k * p.x + i', 'k * p.y + j'),
} as const

/** F ← F · N / D, entry by entry. */
const RATIO = `
@group(0) @binding(0) var<uniform> p: vec4u; // entries
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> D: array<f32>;
@group(0) @binding(3) var<storage, read_write> F: array<f32>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= p.x) { return; }
  let d = D[id.x];
  F[id.x] = select(0, F[id.x] / d * N[id.x], d > 0);
}`

/** A multiplicative Frobenius fit of dense X; W is rows × rank, H is rank × columns. */
export interface DenseStart {
  readonly X: Float32Array<ArrayBuffer>
  readonly W: Float32Array<ArrayBuffer>
  readonly H: Float32Array<ArrayBuffer>
  readonly rows: number
  readonly columns: number
  readonly rank: number
}

/**
 * The multiplicative update as one writes it down: one thread for each entry of each product, no blocking, no vectors. It
 * computes no loss. A unit is one iteration of both factors.
 */
export class NaiveFit implements Subject {
  readonly work: Subject['work']
  readonly #open: OpenGpu
  readonly #start: DenseStart
  readonly #owned: Owned
  readonly #W: GPUBuffer
  readonly #H: GPUBuffer
  readonly #dispatches: Dispatches

  private constructor(open: OpenGpu, start: DenseStart, owned: Owned, factors: readonly GPUBuffer[], own: Dispatches) {
    this.#open = open
    this.#start = start
    this.#owned = owned
    ;[this.#W, this.#H] = factors
    this.#dispatches = own
    this.work = own.work
  }

  static async create(open: OpenGpu, start: DenseStart, work: Subject['work']): Promise<NaiveFit> {
    const { gpu } = open
    const { rows, columns, rank } = start
    const owned = new Owned(gpu)
    const compile = (code: string) => compiled(gpu, 'naive', code)
    const plain = await compile(PRODUCTS.plain)
    const rightTransposed = await compile(PRODUCTS.rightTransposed)
    const leftTransposed = await compile(PRODUCTS.leftTransposed)
    const ratio = await compile(RATIO)
    const X = await owned.storage(start.X.byteLength)
    const W = await owned.storage(start.W.byteLength)
    const H = await owned.storage(start.H.byteLength)
    const most = 4 * rank * Math.max(rows, columns)
    const [N, D, G] = [await owned.storage(most), await owned.storage(most), await owned.storage(4 * rank * rank)]
    gpu.device.queue.writeBuffer(X, 0, start.X)

    async function step(pipeline: GPUComputePipeline, sizes: readonly number[], buffers: readonly GPUBuffer[]) {
      const uniforms = owned.keep(await gpu.buffer(16, USAGE.UNIFORM | USAGE.COPY_DST))
      gpu.device.queue.writeBuffer(uniforms, 0, Uint32Array.from([...sizes, 0, 0, 0].slice(0, 4)))
      const threads = pipeline === ratio ? sizes[0] : sizes[0] * sizes[1]
      return stepOf(gpu, pipeline, [uniforms, ...buffers], [Math.ceil(threads / WORKGROUP), 1, 1])
    }
    const steps = [
      await step(rightTransposed, [rows, rank, columns], [X, H, N]),
      await step(rightTransposed, [rank, rank, columns], [H, H, G]),
      await step(plain, [rows, rank, rank], [W, G, D]),
      await step(ratio, [rows * rank], [N, D, W]),
      await step(leftTransposed, [rank, columns, rows], [W, X, N]),
      await step(leftTransposed, [rank, rank, rows], [W, W, G]),
      await step(plain, [rank, columns, rank], [G, H, D]),
      await step(ratio, [rank * columns], [N, D, H]),
    ]
    // by the host's clock, as fits are
    const own = new Dispatches({ gpu, timestamps: false }, steps, work, () => owned.destroy())
    return new NaiveFit(open, start, owned, [W, H], own)
  }

  async run(units: number): Promise<number> {
    const { queue } = this.#open.gpu.device
    queue.writeBuffer(this.#W, 0, this.#start.W)
    queue.writeBuffer(this.#H, 0, this.#start.H)
    await this.#open.gpu.settle()
    return await this.#dispatches.run(units)
  }

  /** ½‖X − WH‖² in float64. */
  async loss(): Promise<number> {
    const { X, rows, columns, rank } = this.#start
    const sources = [
      { buffer: this.#W, bytes: 4 * rows * rank },
      { buffer: this.#H, bytes: 4 * rank * columns },
    ]
    const capacity = 4 * rank * Math.max(rows, columns)
    const read = await this.#open.gpu.read(sources, await this.#owned.staging(capacity), capacity)
    const [W, H] = read.map(bytes => new Float32Array(bytes))
    let sum = 0
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let product = 0
        for (let r = 0; r < rank; r++) product += W[i * rank + r] * H[r * columns + j]
        sum += (X[i * columns + j] - product) ** 2
      }
    }
    return sum / 2
  }

  close(): void {
    this.#dispatches.close()
  }
}
