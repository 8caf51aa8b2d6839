import type { Random } from '../core/random.js'
import { fillBuffers, nonNegative, signed } from './fills.js'
import type { Arrays, BufferSpec, Dims, FillKind, KernelSpec } from './spec.js'

/**
 * A kernel of the optimizers: one pass over flat arrays of `length` entries, entry by entry, and sums over them in
 * float64. So a backend may cut the arrays anywhere, and needs to know no more of such a kernel than this table.
 */
export interface VectorKernel extends KernelSpec {
  /** The dims beside `length`, in the order in which backends take them. */
  readonly scalars: readonly string[]
  /** Values of the scalars that a call may leave out. */
  readonly defaults: Dims
  /** The arrays: all buffers but `sums`. */
  readonly arrays: readonly BufferSpec[]
  /** What the entries of the buffer `sums` are called; none where there is no such buffer. */
  readonly sums: readonly string[]
  /** What the terms of each sum add up to without their signs, on inputs that stay as they are. */
  termSizes(dims: Dims, arrays: Arrays): Float64Array
}

/** The arrays of one call, by name. */
export type VectorArrays = Readonly<Record<string, Float64Array>>

export interface VectorParts extends Pick<KernelSpec, 'name' | 'summary' | 'source' | 'exact'> {
  /** One line for each assignment, in order. */
  readonly formula: readonly string[]
  readonly scalars: readonly string[]
  readonly defaults?: Dims
  /** Names and access of the arrays, in the order in which backends take them. */
  readonly arrays: Readonly<Record<string, BufferSpec['access']>>
  readonly sums: readonly string[]
  /** Arithmetic operations for one entry. */
  readonly flops: number
  /** Bytes that move for one entry, where that is not each array once per direction. */
  readonly bytes?: (dims: Dims) => number
  /** Scalars of the problems; dyadic fractions where `exact`, so that no product rounds. */
  readonly settings: readonly Dims[]
  /** Does entry `i`; answers its terms of the sums, in their order. */
  entry(dims: Dims, arrays: VectorArrays, i: number): readonly number[]
}

/** Around the widest vector (16 floats), its halves, and beyond one chunk of a thread. */
const LENGTHS = [1, 0, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 257, 1021]
const EVERY_SETTING = [19, 67]

/** Arrays that hold squares or rates. */
const NON_NEGATIVE = ['rates', 'squares']

export function vectorKernel(parts: VectorParts): VectorKernel {
  const { name, summary, source, exact, scalars, defaults = {}, sums, flops, settings, entry } = parts
  const arrays: BufferSpec[] = Object.entries(parts.arrays).map(([array, access]) => {
    return { name: array, type: 'f32', access, shape: 'length', length: d => d.length }
  })
  const sumBuffer: BufferSpec = {
    name: 'sums',
    type: 'f64',
    access: 'out',
    shape: `${sums.length}: ${sums.join(', ')}`,
    length: () => sums.length,
  }
  const moved = arrays.reduce((bytes, { access }) => bytes + (access === 'inout' ? 8 : 4), 0)
  return {
    ...{ name, summary, source, exact, scalars, sums, arrays },
    formula: parts.formula.join('\n'),
    defaults: { ...COMMON_DEFAULTS, ...defaults },
    dims: ['length', ...scalars],
    buffers: sums.length > 0 ? [...arrays, sumBuffer] : arrays,
    // differences may cancel in an entry, not in the whole array
    tolerance: { class: 'normwise', units: () => 16 },
    problems: [
      ...LENGTHS.map((length, i) => ({ length, ...settings[i % settings.length] })),
      ...EVERY_SETTING.flatMap(length => settings.map(setting => ({ length, ...setting }))),
    ],
    benchmark: { length: 1 << 20, ...settings[0] },
    flops: d => flops * d.length,
    bytes: d => (parts.bytes?.(d) ?? moved) * d.length,
    fill(dims: Dims, kind: FillKind, random: Random) {
      return fillBuffers(this.buffers, dims, (length, array) =>
        (NON_NEGATIVE.includes(array) ? nonNegative : signed)(length, kind, random),
      )
    },
    termSizes(dims, all) {
      const floats = Object.fromEntries(
        Object.entries(all).map(([array, values]) => [array, Float64Array.from(values as Float64Array)]),
      )
      const sizes = new Float64Array(sums.length)
      for (let i = 0; i < dims.length; i++) {
        const terms = entry(dims, floats, i)
        for (let s = 0; s < sizes.length; s++) sizes[s] += Math.abs(terms[s])
      }
      return sizes
    },
    reference(dims, all) {
      const floats = all as Record<string, Float64Array>
      const totals = new Float64Array(sums.length)
      for (let i = 0; i < dims.length; i++) {
        const terms = entry(dims, floats, i)
        for (let s = 0; s < totals.length; s++) totals[s] += terms[s]
      }
      floats.sums?.set(totals)
    },
  }
}

/** What every step does to the gradient first, and to the parameter last. */
export const COMMON_SCALARS: readonly string[] = ['decay', 'clip', 'limit', 'floor']

const COMMON_DEFAULTS: Dims = {
  decay: 0,
  clip: Number.POSITIVE_INFINITY,
  limit: Number.POSITIVE_INFINITY,
  floor: Number.NEGATIVE_INFINITY,
}

/** Settings of the common scalars: none of them, all at once, and the projection of non-negative factorisation. */
export const PLAIN: Dims = COMMON_DEFAULTS
export const GUARDED: Dims = { decay: 0.5, clip: 2, limit: 0.5, floor: -1 }
export const PROJECTED: Dims = { ...COMMON_DEFAULTS, floor: 0 }

/** x, or the bound that it is beyond; not a number stays so. */
export function clamp(x: number, low: number, high: number): number {
  if (x < low) return low
  return x > high ? high : x
}

/** ĝ: the gradient clipped entry by entry, plus that of ½·decay·p². */
export function gradientOf({ decay, clip }: Dims, { p, g }: VectorArrays, i: number): number {
  return clamp(g[i], -clip, clip) + decay * p[i]
}

/**
 * Takes p[i] down by `change`, no further than `limit` either way and not below `floor`. For p ≥ floor the order does not
 * matter: the change after the projection, cut to ±limit, is the same.
 */
export function move({ limit, floor }: Dims, { p }: VectorArrays, i: number, change: number): void {
  const moved = p[i] - clamp(change, -limit, limit)
  p[i] = moved < floor ? floor : moved
}

/** 2⁻¹²⁰. */
export const TINY: number = 2 ** -120

/**
 * What is kept of a running average: zero below 2⁻¹²⁰. Averages of gradients that have become zero decay into the
 * subnormal numbers otherwise, and stay at the least of them for ever (0.9 of it rounds to itself), at a hundred cycles an
 * operation where no flag flushes them.
 */
export function kept(average: number): number {
  return Math.abs(average) < TINY ? 0 : average
}

/** The scalars by which a hypergradient moves the rate of each parameter, and by which rates become steps. */
export const RATE_SCALARS: readonly string[] = ['hyperRate', 'up', 'down', 'lowest', 'highest', 'share', 'base']

export const RATE_DEFAULTS: Dims = {
  ...{ hyperRate: 0, up: 1, down: 1 },
  ...{ lowest: 0, highest: Number.POSITIVE_INFINITY },
  ...{ share: 1, base: 0 },
}

/** The additive rule, and the multiplicative one with bounds. */
export const ADDITIVE: Dims = { ...RATE_DEFAULTS, hyperRate: 0.25 }
export const MULTIPLICATIVE: Dims = { ...RATE_DEFAULTS, up: 1.5, down: 0.5, lowest: 0.5, highest: 2 }

/**
 * Moves rates[i] by the hypergradient −ĝ·u of the loss with respect to it, where u is the direction of the step before:
 * additively by hyperRate·ĝ·u (with up = down = 1), or multiplicatively by `up` where ĝ·u > 0 and by `down` where it is
 * below 0 (with hyperRate = 0): ĝ·u / (|ĝ|·|u|) is a sign. Answers the rate of this step, share·rates[i] + base.
 */
export function moveRate(d: Dims, { rates }: VectorArrays, i: number, gradient: number, before: number): number {
  const agreement = gradient * before
  const factor = agreement > 0 ? d.up : agreement < 0 ? d.down : 1
  rates[i] = clamp(factor * rates[i] + d.hyperRate * gradient * before, d.lowest, d.highest)
  return d.share * rates[i] + d.base
}
