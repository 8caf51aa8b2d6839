import { finite, flag, refuse } from '../core/checks.js'
import type { Dims } from '../kernels/spec.js'
import type { VectorKernel } from '../kernels/vector_kernel.js'
import type { GroupSettings, OptimizerOptions } from './options.js'

/** Defaults of what every step does to the gradient first and to the parameter last. */
export const STEP_OPTIONS: Partial<OptimizerOptions> = {
  weightDecay: 0,
  clip: Number.POSITIVE_INFINITY,
  limit: Number.POSITIVE_INFINITY,
  nonNegative: false,
}

/** A number above 0, ∞ included. */
function bound(name: string, value: unknown): number {
  if (typeof value === 'number' && value > 0) return value
  throw refuse(name, value, 'a number above 0')
}

/** A pair of numbers. */
export function pair(name: string, value: unknown): readonly [number, number] {
  const isPair = Array.isArray(value) && value.length === 2 && value.every(one => typeof one === 'number')
  if (isPair) return [value[0], value[1]]
  throw refuse(name, value, 'a pair of numbers')
}

/** A share: at least 0, and below 1. */
export function share(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value < 1) return value
  throw refuse(name, value, 'a number from 0 to below 1')
}

/** The options that `STEP_OPTIONS` names as scalars of the kernels. */
export function stepScalars({ weightDecay, clip, limit, nonNegative }: GroupSettings): Dims {
  return {
    decay: finite('weightDecay', weightDecay),
    clip: bound('clip', clip),
    limit: bound('limit', limit),
    floor: flag('nonNegative', nonNegative) ? 0 : Number.NEGATIVE_INFINITY,
  }
}

/** Of all these scalars those that the kernel has. */
export function pick(kernel: VectorKernel, scalars: Dims): Dims {
  return Object.fromEntries(kernel.scalars.flatMap(name => (name in scalars ? [[name, scalars[name]]] : [])))
}
