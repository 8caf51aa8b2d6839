import type { Step } from '../../ts/backends/webgpu/calls.js'
import type { Gpu } from '../../ts/backends/webgpu/gpu.js'

/** Compiles a shader of the benchmarks' own, which declares the bindings that it uses and no others. */
export async function compiled(gpu: Gpu, label: string, code: string): Promise<GPUComputePipeline> {
  const { result, done } = gpu.scoped(() => {
    const module = gpu.device.createShaderModule({ label, code })
    const compute = { module, entryPoint: 'main' }
    const pipeline = gpu.device.createComputePipelineAsync({ label, layout: 'auto', compute })
    // rejected below; until then it must not count as unhandled
    pipeline.catch(() => {})
    return pipeline
  })
  const [pipeline] = await Promise.all([gpu.wait(result), done])
  return pipeline
}

/** A dispatch on these buffers, in the order of the shader's bindings. */
export function stepOf(
  gpu: Gpu,
  pipeline: GPUComputePipeline,
  buffers: readonly GPUBuffer[],
  groups: readonly [number, number, number],
): Step {
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }))
  const bindings = gpu.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries })
  return { pipeline, bindings, groups }
}
