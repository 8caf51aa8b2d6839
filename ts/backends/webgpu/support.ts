import { entryCount, type MatrixView } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import type { FitSpec, Rule, Weights } from '../backend.js'
import { type Memory, residentBytes } from '../memory.js'
import { TILE_BYTES } from './plan.js'

const RULES: readonly Rule[] = ['mu', 'hals', 'pg', 'product']

/** Why a fit is beyond the kernels there are, or undefined. */
export function fitRefusal(X: MatrixView, spec: FitSpec, weights: Weights | undefined): string | undefined {
  const { dtype, beta, rule, rounds = 1, extrapolate = false } = spec
  if (dtype !== 'f32') return 'WebGPU computes in f32 only'
  if (spec.frozenW || spec.frozenH) return 'WebGPU has no rows and columns that stay'
  if (!RULES.includes(rule)) return `WebGPU has no kernels for the update rule ${rule}`
  const isGram = familyOf(X, beta, weights) === 'gram'
  if ((rule === 'hals' || rule === 'product') && !isGram) {
    return `WebGPU has no kernels for the update rule ${rule} ${weights ? 'with weights' : `and β = ${beta}`}`
  }
  if (X.kind === 'dense' && weights?.kind === 'entries') return 'a dense matrix lists no entries to weigh'
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
 * them, their products, and parts of these. Where products are not formed by Gram matrices, what the entries of a tile, or
 * those of a sparse X, contribute: up to three values each.
 */
export function memoryOfFit(X: MatrixView, spec: FitSpec, weights: Weights | undefined): Memory {
  const resident = residentBytes(X, spec, weights, 4, 4)
  const { factors: single } = residentBytes(X, { ...spec, extrapolate: false }, undefined, 4, 4)
  const products = Math.min(2 * single + 2 * PARTS, 16 * single)
  const family = familyOf(X, spec.beta, weights)
  const values = family === 'gram' ? 0 : family === 'entries' ? 4 * entryCount(X) : 4 * X.rows * X.columns
  // batches have a tile, entries and products of their own
  const often = spec.batches ? 2 : 1
  const entries = 3 * (family === 'tile' ? Math.min(TILE_BYTES, values) : values)
  return { ...resident, factors: resident.factors + single, workspace: often * (products + entries) }
}
