/**
 * Philox4x32-10, the counter-based generator of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011).
 * The value at an index depends on (seed, stream, index) alone, so any order, split or backend draws the same numbers.
 */
const M0 = 0xd2511f53 | 0
const M1 = 0xcd9e8d57 | 0
const W0 = 0x9e3779b9 | 0
const W1 = 0xbb67ae85 | 0

/** High word of the product of two 32-bit words. All words here are int32: unsigned ones would leave V8's small integers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const middle1 = Math.imul(aHigh, bLow)
  const middle2 = Math.imul(aLow, bHigh)
  const carry = (Math.imul(aLow, bLow) >>> 16) + (middle1 & 0xffff) + (middle2 & 0xffff)
  return (Math.imul(aHigh, bHigh) + (middle1 >>> 16) + (middle2 >>> 16) + (carry >>> 16)) | 0
}

/** One block: four 32-bit words for a 128-bit counter and a 64-bit key, written to `out`. */
export function philox4x32(counter: Uint32Array, key: Uint32Array, out: Uint32Array): void {
  let c0 = counter[0] | 0
  let c1 = counter[1] | 0
  let c2 = counter[2] | 0
  let c3 = counter[3] | 0
  let k0 = key[0] | 0
  let k1 = key[1] | 0
  for (let round = 0; round < 10; round++) {
    const h0 = mulHigh(M0, c0)
    const l0 = Math.imul(M0, c0)
    const h1 = mulHigh(M1, c2)
    const l1 = Math.imul(M1, c2)
    c0 = h1 ^ c1 ^ k0
    c1 = l1
    c2 = h0 ^ c3 ^ k1
    c3 = l0
    k0 = (k0 + W0) | 0
    k1 = (k1 + W1) | 0
  }
  out[0] = c0
  out[1] = c1
  out[2] = c2
  out[3] = c3
}

function asUniform(bits: number): number {
  return ((bits >>> 9) + 0.5) / 2 ** 23
}

/** A sequence of numbers from one seed and stream. */
export class Random {
  readonly #key: Uint32Array
  readonly #counter: Uint32Array
  readonly #block: Uint32Array = new Uint32Array(4)
  #index = 0

  /**
   * @param seed a non-negative safe integer @param stream tells independent uses of one seed apart
   * @param part one of many sequences of a stream
   */
  constructor(seed: number, stream = 0, part = 0) {
    this.#key = Uint32Array.of(seed, Math.floor(seed / 2 ** 32))
    this.#counter = Uint32Array.of(0, 0, stream, part)
  }

  /** The next 32 random bits. */
  bits(): number {
    const lane = this.#index % 4
    if (lane === 0) {
      const block = Math.floor(this.#index / 4)
      this.#counter[0] = block
      this.#counter[1] = block / 2 ** 32
      philox4x32(this.#counter, this.#key, this.#block)
    }
    this.#index++
    return this.#block[lane]
  }

  /** Uniform in (0, 1), never an end point; exact in f32 and f64, so every engine draws the same number. */
  uniform(): number {
    return asUniform(this.bits())
  }

  /** The next draws of `uniform`, times `scale`: `out[begin … end)`, block by block, several times as fast. */
  fill(out: Float32Array | Float64Array, begin: number, end: number, scale: number): void {
    let i = begin
    // up to the start of a block, and after the last whole one, the draws come one by one
    for (; i < end && this.#index % 4 !== 0; i++) out[i] = scale * this.uniform()
    const counter = this.#counter
    const block = this.#block
    for (; end - i >= 4; i += 4) {
      const number = this.#index / 4
      counter[0] = number
      counter[1] = number / 2 ** 32
      philox4x32(counter, this.#key, block)
      for (let lane = 0; lane < 4; lane++) out[i + lane] = scale * asUniform(block[lane])
      this.#index += 4
    }
    for (; i < end; i++) out[i] = scale * this.uniform()
  }

  /** A whole number, uniform in 0 … bound − 1. */
  below(bound: number): number {
    return Math.floor(this.uniform() * bound)
  }
}
