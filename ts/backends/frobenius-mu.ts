import type { MatrixView } from '../core/matrix.js'
import type { Dims, KernelSpec } from '../kernels/spec.js'
import { type FitSpec, storageRefusal, type Weights } from './backend.js'
import { type Memory, residentBytes } from './memory.js'

/** What CUDA has: the unweighted Frobenius loss, multiplicative updates without penalties, f32. */

/** Why a loss is beyond that, or undefined. `backend` is the name that people read. */
export function lossBeyondFrobenius(backend: string, beta: number): string | undefined {
  return beta === 2 ? undefined : `${backend} has kernels for the Frobenius loss (β = 2), not for β = ${beta}`
}

/** The same of a whole fit. */
export function fitBeyondFrobeniusMu(backend: string, spec: FitSpec, weights?: Weights): string | undefined {
  const { dtype, beta, rule, penaltyW, penaltyH, rank, rounds = 1, extrapolate = false } = spec
  if (dtype !== 'f32') return `${backend} computes in f32 only`
  const beyond = lossBeyondFrobenius(backend, beta) ?? storageRefusal(spec)
  if (beyond !== undefined) return beyond
  if (rule !== 'mu') return `${backend} has no kernels for the update rule ${rule}`
  if (weights) return `${backend} has no kernels for masks and weights`
  for (const penalty of [penaltyW, penaltyH]) {
    if (penalty && (penalty.l1 !== 0 || penalty.l2 !== 0)) return `${backend} has no kernels for penalties`
  }
  if (spec.batches) return `${backend} has no batches of rows`
  if (rounds !== 1 || extrapolate) return `${backend} has no rounds of an update and no extrapolation`
  for (const most of [spec.maxW, spec.maxH]) {
    if (most !== undefined && most !== Number.POSITIVE_INFINITY) return `${backend} has no kernels for upper bounds`
  }
  for (const moving of [spec.movingW, spec.movingH]) {
    if (moving !== undefined && moving !== rank) return `${backend} has no kernels for components that stay`
  }
  if (spec.frozenW || spec.frozenH) return `${backend} has no rows and columns that stay`
  return undefined
}

/** Why a call of a kernel that the backend has is beyond that, or undefined. */
export function callBeyondFrobeniusMu(
  backend: string,
  spec: KernelSpec,
  dims: Dims,
  dtype: 'f32' | 'f64' = 'f32',
): string | undefined {
  if (dtype !== 'f32') return `${backend} computes in f32 only`
  if ((dims.l1 ?? 0) !== 0 || (dims.l2 ?? 0) !== 0) return `${backend}: ${spec.name} takes no penalties`
  if (dims.moving !== undefined || dims.most !== undefined)
    return `${backend}: ${spec.name} moves all components, unbounded`
  return undefined
}

/** Bytes that parts of each product may take. */
const PARTS = 64 * 2 ** 20

/** What a GPU holds: two of each factor, as an update reads one and writes the other, their products, and parts of these. */
export function memoryOfMu(X: MatrixView, spec: FitSpec): Memory {
  const resident = residentBytes(X, spec, undefined, 4, 4)
  const { factors } = resident
  return { ...resident, factors: 2 * factors, workspace: Math.min(2 * factors + 2 * PARTS, 16 * factors) }
}
