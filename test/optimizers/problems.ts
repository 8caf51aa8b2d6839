import type { BackendId } from '../../ts/backends/backend.js'
import { Random } from '../../ts/core/random.js'
import {
  createOptimizer,
  type FloatArray,
  type Optimizer,
  type OptimizerKind,
  type OptimizerOptions,
} from '../../ts/node.js'

/** The backends that have the kernels of the optimizers. */
export const BACKENDS: readonly BackendId[] = ['reference', 'native', 'wasm']

/** A function of parameters and its gradient. */
export interface Loss {
  of(x: ArrayLike<number>): number
  gradient(x: ArrayLike<number>): Float64Array
}

/** ½(x₁² + 10·x₂²) */
export const quadratic: Loss = {
  of: x => 0.5 * (x[0] * x[0] + 10 * x[1] * x[1]),
  gradient: x => Float64Array.of(x[0], 10 * x[1]),
}

/** Σ (1 − xᵢ)² + 5·(xᵢ₊₁ − xᵢ²)²: bent, so that nothing holds by being quadratic. */
export const rosenbrock: Loss = {
  of(x) {
    let sum = 0
    for (let i = 0; i + 1 < x.length; i++) sum += (1 - x[i]) ** 2 + 5 * (x[i + 1] - x[i] ** 2) ** 2
    return sum
  },
  gradient(x) {
    const g = new Float64Array(x.length)
    for (let i = 0; i + 1 < x.length; i++) {
      const bent = x[i + 1] - x[i] ** 2
      g[i] += -2 * (1 - x[i]) - 20 * x[i] * bent
      g[i + 1] += 10 * bent
    }
    return g
  },
}

/** Numbers in (−1, 1) from one seed. */
export function numbers(length: number, seed: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length }, () => 2 * random.uniform() - 1)
}

/** Parameters of the type that the backend keeps. */
export function paramsFor(backend: BackendId, values: ArrayLike<number>): FloatArray {
  return backend === 'reference' ? Float64Array.from(values) : Float32Array.from(values)
}

export interface Path {
  readonly params: FloatArray
  /** The rates of the groups in each step. */
  readonly rates: readonly (readonly number[])[]
}

/** The kinds whose steps follow from losses. */
const BY_LOSS: readonly OptimizerKind[] = ['sls', 'sps']

/** Steps with gradients that are drawn, step by step the same for all optimizers, times `scale`. */
export async function drawnPath(
  options: OptimizerOptions & { readonly backend: BackendId },
  { length, steps = 5, seed = 1, scale = 1 }: { length: number; steps?: number; seed?: number; scale?: number },
): Promise<Path> {
  const params = paramsFor(options.backend, numbers(length, seed))
  await using optimizer = await createOptimizer(params, options)
  const rates = await stepThrough(optimizer, { length, from: 0, to: steps, seed, scale })
  return { params, rates }
}

/** Steps `from` to `to` of such a path. */
export async function stepThrough(
  optimizer: Optimizer,
  { length, from, to, seed, scale = 1 }: { length: number; from: number; to: number; seed: number; scale?: number },
): Promise<(readonly number[])[]> {
  const rates: (readonly number[])[] = []
  for (let t = from; t < to; t++) {
    const gradient = numbers(length, 1000 * seed + t + 1).map(value => value * scale)
    // a loss that falls with every step that is tried
    const closure = (withGradient: boolean) => ({ loss: withGradient ? length : 0, gradient })
    await optimizer.step(BY_LOSS.includes(optimizer.kind) ? closure : gradient)
    rates.push(optimizer.learningRates)
  }
  return rates
}

/** Whether two arrays hold the same bits. */
export function sameBits(a: FloatArray, b: FloatArray): boolean {
  const bytes = ({ buffer, byteOffset, byteLength }: FloatArray) => new Uint8Array(buffer, byteOffset, byteLength)
  return Buffer.compare(bytes(a), bytes(b)) === 0
}
