import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import type { FitSpec, Weights } from '../backend.js'
import { type Memory, residentBytes } from '../memory.js'

/** Why a loss is beyond the kernels there are, or undefined. */
export function lossRefusal(beta: number): string | undefined {
  return beta === 2 ? undefined : `WebGPU has kernels for the Frobenius loss (β = 2), not for β = ${beta}`
}

/** The same of a whole fit. */
export function fitRefusal(spec: FitSpec, weights: Weights | undefined): string | undefined {
  const { dtype, beta, rule, rounds = 1, extrapolate = false } = spec
  if (dtype !== 'f32') return 'WebGPU computes in f32 only'
  const loss = lossRefusal(beta)
  if (loss !== undefined) return loss
  if (rule === 'bpp' || rule === 'product') return `WebGPU has no kernels for the update rule ${rule}`
  if (weights) return 'WebGPU has no kernels for masks and weights'
  if (spec.batches) return 'WebGPU has no batches of rows'
  if (extrapolate && rounds > 1 && rule !== 'hals') {
    return `WebGPU has no rounds of the rule ${rule} in a fit that extrapolates`
  }
  return undefined
}

/** Why a call of a kernel that there is cannot be made, or undefined. */
export function callRefusal(
  spec: KernelSpec,
  dims: Dims,
  dtype: 'f32' | 'f64' = 'f32',
  bindingBytes: number,
): string | undefined {
  if (dtype !== 'f32') return 'WebGPU computes in f32 only'
  const large = spec.buffers.find(buffer => buffer.length(dims) * 4 > bindingBytes)
  return large && `${large.name} is larger than the ${bindingBytes} bytes that one binding may span`
}

/** Bytes that parts of each product may take. */
const PARTS = 64 * 2 ** 20

/**
 * What a fit holds: the factors twice, as an update may read one copy and write the other, what extrapolation keeps beside
 * them, their products, and parts of these.
 */
export function memoryOfFit(X: MatrixView, spec: FitSpec): Memory {
  const resident = residentBytes(X, spec, undefined, 4, 4)
  const { factors: single } = residentBytes(X, { ...spec, extrapolate: false }, undefined, 4, 4)
  const workspace = Math.min(2 * single + 2 * PARTS, 16 * single)
  return { ...resident, factors: resident.factors + single, workspace }
}
