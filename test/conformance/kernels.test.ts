import { describe, expect, it } from 'vitest'
import type { BackendId, Device } from '../../ts/backends/backend.js'
import { BACKEND_IDS } from '../../ts/backends/registry.js'
import { Random } from '../../ts/core/random.js'
import { kernels } from '../../ts/kernels/index.js'
import { type Arrays, type Dims, type FillKind, type KernelSpec, problemString } from '../../ts/kernels/spec.js'
import { deviceOf, presentOrSkip } from './backends.js'
import { firstDifference } from './compare.js'
import { guard, violations } from './guarded.js'

/** Element shifts of every window; 1 and 3 leave every alignment above four bytes. */
const SHIFTS = [0, 1, 3]

function copyOf(arrays: Arrays): Arrays {
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values.slice()]))
}

/** Runs one kernel on one problem in every way and says what is wrong, or nothing. */
async function faults(device: Device, spec: KernelSpec, sizes: Dims, kind: FillKind): Promise<string[]> {
  const inputs = spec.fill(sizes, kind, new Random(7, kernels.indexOf(spec)))
  const dims = { ...sizes, ...(inputs.indices ? { nonzeros: inputs.indices.length } : {}) }
  const expected = copyOf(inputs)
  spec.reference(dims, expected)
  const found: string[] = []
  for (const shift of SHIFTS.filter(elements => elements % device.alignment === 0)) {
    const label = `${problemString(spec, dims)} ${kind}, shifted by ${shift}`
    const before = guard(spec.buffers, inputs, shift)
    const buffers = guard(spec.buffers, inputs, shift)
    await device.runKernel(spec, { dims, buffers })
    found.push(...violations(spec.buffers, before, buffers).map(text => `${label}: ${text}`))
    const difference = firstDifference({
      spec,
      dims,
      kind,
      backend: device.backend,
      inputs,
      expected,
      actual: buffers,
    })
    if (difference) found.push(`${label}: ${difference}`)
    const again = guard(spec.buffers, inputs, shift)
    await device.runKernel(spec, { dims, buffers: again })
    for (const { name } of spec.buffers) {
      if (Buffer.compare(bytes(again[name].data), bytes(buffers[name].data)) !== 0) {
        found.push(`${label}: ${name} differs between two runs`)
      }
    }
  }
  return found
}

function bytes(data: Float32Array | Float64Array | Uint32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

describe.each([...BACKEND_IDS])('%s', (id: BackendId) => {
  it.for(kernels.map(spec => [spec.name, spec] as const))('%s', async ([, spec], context) => {
    await presentOrSkip(id, context)
    const device = await deviceOf(id)
    for (const sizes of spec.problems) {
      const dims = { ...sizes, nonzeros: sizes.nonzeros ?? 0 }
      const support = device.supportsKernel(spec, dims)
      if (!support.supported) {
        // a refusal must say why, and must hold
        expect(support.reason).not.toBe('')
        const buffers = guard(spec.buffers, spec.fill(sizes, 'exact', new Random(7)), 0)
        await expect(device.runKernel(spec, { dims, buffers })).rejects.toMatchObject({
          code: 'ERR_NONNEG_UNSUPPORTED',
        })
        continue
      }
      for (const kind of ['exact', 'random'] as const) expect(await faults(device, spec, sizes, kind)).toEqual([])
    }
  })
})
