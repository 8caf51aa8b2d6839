import { describe, expect, it } from 'vitest'
import type { Device } from '../../ts/backends/backend.js'
import { exchanges } from '../../ts/backends/webgpu/pipelines.js'
import { Random } from '../../ts/core/random.js'
import { kernels } from '../../ts/kernels/index.js'
import type { Dims, KernelSpec } from '../../ts/kernels/spec.js'
import { deviceOf, presentOrSkip, VARIANTS, WITHOUT_SUBGROUPS } from './backends.js'
import { guard } from './guarded.js'
import { type Dtype, inputsOf } from './inputs.js'
import { kernelFaults } from './kernel-faults.js'

/** A refusal must say why, and must hold. */
async function refused(device: Device, spec: KernelSpec, sizes: Dims, dtype: Dtype, reason: string): Promise<void> {
  expect(reason).not.toBe('')
  const { dims, arrays } = inputsOf(spec, sizes, 'exact', dtype, new Random(7))
  const call = { dims, dtype, buffers: guard(spec.buffers, arrays, 0, dtype) }
  await expect(device.runKernel(spec, call)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
}

const cases = kernels.flatMap(spec => (['f32', 'f64'] as const).map(dtype => [spec.name, dtype, spec] as const))

describe.each([...VARIANTS, WITHOUT_SUBGROUPS])('$name', variant => {
  it.for(cases.filter(([name]) => variant !== WITHOUT_SUBGROUPS || exchanges(name)))(
    '%s %s',
    async ([, dtype, spec], context) => {
      await presentOrSkip(variant.id, context)
      const device = await deviceOf(variant)
      for (const sizes of spec.problems) {
        const support = device.supportsKernel(spec, { ...sizes, nonzeros: 0 }, dtype)
        if (!support.supported) await refused(device, spec, sizes, dtype, support.reason)
        else
          for (const kind of ['exact', 'random'] as const)
            expect(await kernelFaults(device, spec, sizes, kind, dtype)).toEqual([])
      }
    },
  )
})
