import { describe, expect, it } from 'vitest'
import type { KernelBuffer } from '../../ts/backends/backend.js'
import { Random } from '../../ts/core/random.js'
import { kernels } from '../../ts/kernels/index.js'
import type { Arrays, FillKind, KernelSpec } from '../../ts/kernels/spec.js'
import { firstDifference, ulpDistance } from './compare.js'
import { guard } from './guarded.js'
import { type Dtype, expectedOf, type Inputs, inputsOf } from './inputs.js'

// What the comparison lets pass is what the suite is worth: it must take the rounded reference, and nothing that is wrong.

function difference(
  spec: KernelSpec,
  { dims, arrays }: Inputs,
  kind: FillKind,
  dtype: Dtype,
  expected: Arrays,
  actual: Readonly<Record<string, KernelBuffer>>,
): string | undefined {
  return firstDifference({ spec, dims, kind, backend: 'native', dtype, inputs: arrays, expected, actual })
}

/** Large enough for every buffer to have entries, small enough that no bound is wide. */
const middling = ({ problems }: KernelSpec) => problems[3]

const cases = kernels.flatMap(spec => (['f32', 'f64'] as const).map(dtype => [spec.name, dtype, spec] as const))

describe('the comparison', () => {
  it.for(cases)('takes the reference of %s, rounded to %s', ([, dtype, spec]) => {
    for (const kind of ['exact', 'random'] as const) {
      for (const sizes of spec.problems) {
        const inputs = inputsOf(spec, sizes, kind, dtype, new Random(3))
        const expected = expectedOf(spec, inputs, dtype)
        const actual = guard(spec.buffers, expected, 0, dtype)
        expect(difference(spec, inputs, kind, dtype, expected, actual)).toBeUndefined()
      }
    }
  })

  it.for(cases)('refuses one entry of %s that is off, or not written, or no number: %s', ([, dtype, spec]) => {
    const inputs = inputsOf(spec, middling(spec), 'random', dtype, new Random(3))
    const expected = expectedOf(spec, inputs, dtype)
    for (const { name } of spec.buffers.filter(({ access }) => access !== 'in')) {
      if (expected[name].length === 0) continue
      const norm = Math.hypot(...expected[name])
      for (const wrong of [
        Number.NaN,
        Number.POSITIVE_INFINITY,
        expected[name][0] + norm * (dtype === 'f64' ? 1e-10 : 1e-2),
      ]) {
        const actual = guard(spec.buffers, expected, 0, dtype)
        actual[name].data[actual[name].offset] = wrong
        expect(difference(spec, inputs, 'random', dtype, expected, actual), `${name}: ${wrong}`).toContain(name)
      }
    }
  })

  it.for(kernels.filter(spec => spec.name !== 'holdout').map(spec => [spec.name, spec] as const))(
    'refuses a float64 result of %s that was computed in float32',
    ([, spec]) => {
      let told = 0
      // not the largest, whose bounds are wide
      for (const sizes of spec.problems.slice(0, 6)) {
        const inputs = inputsOf(spec, sizes, 'random', 'f64', new Random(3))
        const expected = expectedOf(spec, inputs, 'f64')
        for (const { name } of spec.buffers.filter(({ access }) => access !== 'in')) {
          const values = expected[name].map(Math.fround)
          // numbers that float32 holds, as inputs are, do not tell
          if (values.every((value, i) => value === expected[name][i])) continue
          told++
          const actual = guard(spec.buffers, { ...expected, [name]: values }, 0, 'f64')
          expect(difference(spec, inputs, 'random', 'f64', expected, actual)).toContain(name)
        }
      }
      expect(told).toBeGreaterThan(0)
    },
  )

  it('counts units in the last place across powers of two and zero', () => {
    expect(ulpDistance(1, 1 + 2 ** -23, 'f32')).toBe(1)
    expect(ulpDistance(1, 1 - 2 ** -24, 'f32')).toBe(1)
    expect(ulpDistance(2 ** -149, -(2 ** -149), 'f32')).toBe(2)
    expect(ulpDistance(1, 1 + 2 ** -52, 'f64')).toBe(1)
    expect(ulpDistance(2 ** -1074, -(2 ** -1074), 'f64')).toBe(2)
  })
})
