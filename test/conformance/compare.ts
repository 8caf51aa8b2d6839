import type { BackendId, KernelBuffer } from '../../ts/backends/backend.js'
import type { Arrays, Dims, FillKind, KernelSpec } from '../../ts/kernels/spec.js'

/** A backend's licence to stand further off than the spec says, with the reason. */
interface Relaxation {
  readonly backend: BackendId
  readonly kernel: string
  readonly extraUlps: number
  readonly reason: string
}

export const RELAXATIONS: readonly Relaxation[] = [
  {
    backend: 'webgpu',
    kernel: 'mu_update',
    extraUlps: 2,
    reason: 'WGSL allows 2.5 ULP for f32 division (https://www.w3.org/TR/WGSL/#floating-point-accuracy)',
  },
]

const UNIT = 2 ** -24

/** Steps between two f32 numbers on the line of all f32. */
function ulpDistance(a: number, b: number): number {
  const bits = new Int32Array(new Float32Array([a, b]).buffer)
  const line = (word: number) => (word < 0 ? -(word & 0x7fffffff) : word)
  return Math.abs(line(bits[0]) - line(bits[1]))
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
  /** What the kernel was given. */
  readonly inputs: Arrays
  /** What the reference made of it. */
  readonly expected: Arrays
  readonly actual: Readonly<Record<string, KernelBuffer>>
}

/** The first entry outside its tolerance, in words, or undefined. */
export function firstDifference(comparison: Comparison): string | undefined {
  const { spec, dims, kind, backend, inputs, expected, actual } = comparison
  const scale = kind === 'random' && spec.tolerance.class === 'reduction' ? magnitudes(spec, dims, inputs) : undefined
  const extra = RELAXATIONS.find(row => row.backend === backend && row.kernel === spec.name)?.extraUlps ?? 0
  for (const { name, type, access } of spec.buffers) {
    if (access === 'in') continue
    const { data, offset, length } = actual[name]
    for (let i = 0; i < length; i++) {
      const value = data[offset + i]
      const wanted = type === 'f32' ? Math.fround(expected[name][i]) : expected[name][i]
      if (within(spec, dims, kind, value, wanted, expected[name][i], scale?.[name][i], extra)) continue
      return `${name}[${i}] is ${value}, the reference says ${wanted}`
    }
  }
  return undefined
}

function within(
  spec: KernelSpec,
  dims: Dims,
  kind: FillKind,
  value: number,
  rounded: number,
  exactly: number,
  magnitude: number | undefined,
  extraUlps: number,
): boolean {
  if (!Number.isFinite(value)) return false
  if (kind === 'exact' && spec.exact) return Object.is(value, rounded)
  if (spec.tolerance.class === 'elementwise') {
    return ulpDistance(value, rounded) <= spec.tolerance.ulps(dims) + extraUlps
  }
  const bound = (4 + spec.tolerance.depth(dims)) * UNIT * (magnitude ?? Math.abs(exactly))
  return Math.abs(value - exactly) <= bound
}
