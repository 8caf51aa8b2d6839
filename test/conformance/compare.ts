import type { BackendId, KernelBuffer } from '../../ts/backends/backend.js'
import type { Arrays, Dims, FillKind, KernelSpec } from '../../ts/kernels/spec.js'
import type { VectorKernel } from '../../ts/kernels/vector_kernel.js'
import type { Dtype } from './inputs.js'

/** A backend's licence to stand further off than the spec says, with the reason. */
interface Relaxation {
  readonly backend: BackendId
  readonly kernel: string
  readonly extraUlps: number
  /** Its float64 scalars are computed in f32: their ULP are those of f32. */
  readonly narrow?: boolean
  readonly reason: string
}

export const RELAXATIONS: readonly Relaxation[] = [
  {
    backend: 'webgpu',
    kernel: 'mu_update',
    extraUlps: 2,
    reason: 'WGSL allows 2.5 ULP for f32 division (https://www.w3.org/TR/WGSL/#floating-point-accuracy)',
  },
  {
    backend: 'webgpu',
    kernel: 'gram_bound',
    extraUlps: 0,
    narrow: true,
    reason: 'WGSL has no f64, so the bound is computed in f32, by as many operations',
  },
]

/** Half an ULP of 1, and how many sides round: in float64 calls the reference rounds as often as the kernel does. */
const ROUNDING: Readonly<Record<Dtype, { readonly unit: number; readonly sides: number }>> = {
  f32: { unit: 2 ** -24, sides: 1 },
  f64: { unit: 2 ** -53, sides: 2 },
}

/** Steps between two numbers on the line of all numbers of their type. */
export function ulpDistance(a: number, b: number, dtype: Dtype): number {
  if (dtype === 'f32') {
    const bits = new Int32Array(new Float32Array([a, b]).buffer)
    const line = (word: number) => (word < 0 ? -(word & 0x7fffffff) : word)
    return Math.abs(line(bits[0]) - line(bits[1]))
  }
  const bits = new BigInt64Array(new Float64Array([a, b]).buffer)
  const line = (word: bigint) => (word < 0n ? -BigInt.asUintN(63, word) : word)
  const steps = line(bits[0]) - line(bits[1])
  return Number(steps < 0n ? -steps : steps)
}

function magnitudes(spec: KernelSpec, dims: Dims, inputs: Arrays): Arrays {
  const absolute: Arrays = {}
  for (const [name, values] of Object.entries(inputs)) {
    absolute[name] = values instanceof Uint32Array ? values : values.map(Math.abs)
  }
  spec.reference(dims, absolute)
  return absolute
}

export interface Comparison {
  readonly spec: KernelSpec
  readonly dims: Dims
  readonly kind: FillKind
  readonly backend: BackendId
  /** Element type of the call, `f32` by default. */
  readonly dtype?: Dtype
  /** What the kernel was given. */
  readonly inputs: Arrays
  /** What the reference made of it. */
  readonly expected: Arrays
  readonly actual: Readonly<Record<string, KernelBuffer>>
}

/** One output buffer beside what the reference says of it. */
interface Output {
  readonly name: string
  /** What its entries are stored as: a scalar is float64 whatever the element type of the call. */
  readonly stored: Dtype
  readonly values: ArrayLike<number>
  readonly wanted: ArrayLike<number>
}

/** The first place outside its tolerance, in words, or undefined. */
export function firstDifference(comparison: Comparison): string | undefined {
  const { spec, kind, expected, actual, dtype = 'f32' } = comparison
  for (const { name, type, access } of spec.buffers) {
    if (access === 'in') continue
    const { data, offset, length } = actual[name]
    const output: Output = {
      name,
      stored: type === 'f32' ? dtype : 'f64',
      values: data.subarray(offset, offset + length),
      wanted: expected[name],
    }
    const bitwise = kind === 'exact' && spec.exact
    const found = notFinite(output) ?? (bitwise ? notEqual(output) : outside(output, comparison))
    if (found) return found
  }
  return undefined
}

function notFinite({ name, values }: Output): string | undefined {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return `${name}[${i}] is ${values[i]}`
  return undefined
}

function rounded(value: number, stored: Dtype): number {
  return stored === 'f32' ? Math.fround(value) : value
}

function notEqual(output: Output): string | undefined {
  return firstEntry(output, i => Object.is(output.values[i], rounded(output.wanted[i], output.stored)))
}

function outside(output: Output, comparison: Comparison): string | undefined {
  const { spec, dims, kind, backend, inputs, dtype = 'f32' } = comparison
  const { values, wanted, name } = output
  const { unit, sides } = ROUNDING[dtype]
  const { tolerance } = spec
  if (tolerance.class === 'elementwise') {
    const relaxed = RELAXATIONS.find(row => row.backend === backend && row.kernel === spec.name)
    const stored = relaxed?.narrow ? 'f32' : output.stored
    const most = sides * tolerance.ulps(dims) + (relaxed?.extraUlps ?? 0)
    return firstEntry(output, i => ulpDistance(values[i], rounded(wanted[i], stored), stored) <= most)
  }
  if (tolerance.class === 'reduction') {
    const scale = kind === 'random' ? magnitudes(spec, dims, inputs)[name] : wanted
    const share = sides * (4 + tolerance.depth(dims)) * unit
    return firstEntry(output, i => Math.abs(values[i] - wanted[i]) <= share * Math.abs(scale[i]))
  }
  // the terms of a sum may cancel, and each brings its own rounding
  const sizes = name === 'sums' && 'termSizes' in spec ? (spec as VectorKernel).termSizes(dims, inputs) : wanted
  const norm = (list: ArrayLike<number>) => Math.hypot(...chunks(list, i => list[i]))
  const isUpdated = spec.buffers.some(buffer => buffer.name === name && buffer.access === 'inout')
  const bound = sides * tolerance.units(dims) * unit * Math.max(norm(sizes), isUpdated ? norm(inputs[name]) : 0)
  const distance = Math.hypot(...chunks(wanted, i => values[i] - wanted[i]))
  return distance <= bound ? undefined : `${name} is ${distance} from the reference, ${bound} at most may be`
}

/** The root of the sum of squares of each row of 4096 entries, as `Math.hypot` takes only so many arguments. */
function chunks(list: ArrayLike<number>, entry: (i: number) => number): number[] {
  const norms: number[] = []
  for (let begin = 0; begin < list.length; begin += 4096) {
    const part = Array.from({ length: Math.min(4096, list.length - begin) }, (_, i) => entry(begin + i))
    norms.push(Math.hypot(...part))
  }
  return norms
}

function firstEntry({ name, values, wanted }: Output, isRight: (i: number) => boolean): string | undefined {
  for (let i = 0; i < values.length; i++) {
    if (!isRight(i)) return `${name}[${i}] is ${values[i]}, the reference says ${wanted[i]}`
  }
  return undefined
}
