import { updateExponent } from '../../kernels/beta.js'
import { muRatio } from './beta-calls.js'
import type { Call } from './calls.js'
import { boundsOf, type Setting } from './family.js'
import { waits } from './holds.js'
import type { Buffers } from './owned.js'
import { type Curvature, pgStep, pgTerms, type Sum } from './rule-calls.js'

/** Both halves of a factor's gradient, and for projected gradient steps the bounds of its curvature. */
export interface Halves {
  readonly N: Sum
  readonly P: Sum
  /** Whether P has one row for all. */
  readonly shared: boolean
  readonly L: Curvature | undefined
}

/** The rules that need no more than the halves of a gradient, on both factors of a fit. */
export interface GradientRules {
  /** Moves a factor, in place; its violation is that of round 0. */
  move(factor: 'W' | 'Ht', halves: Halves, round: number): Call
  readonly terms: GPUBuffer
  readonly termCount: number
}

export async function gradientRules(owned: Buffers, setting: Setting): Promise<GradientRules> {
  const { spec, data, width, columns } = setting
  const { step = 1 } = spec
  const isPg = spec.rule === 'pg'
  const rows = { W: data.rows, Ht: columns }
  const first = { W: 0, Ht: pgTerms(rows.W, width) }
  const termCount = isPg ? first.Ht + (spec.fixed === 'H' ? 0 : pgTerms(rows.Ht, width)) : 0
  const terms = await owned.storage(termCount * 4)
  const bounds = boundsOf(spec)
  const gamma = updateExponent(spec.beta)
  return {
    terms,
    termCount,
    move(factor, { N, P, shared, L }, round) {
      const F = { buffer: (factor === 'W' ? setting.W : setting.Ht)[0] }
      const held = waits(setting, factor, round)
      const own = { rows: rows[factor], rank: width, bounds: bounds[factor], N, P, shared, F, ...held }
      if (!isPg) return muRatio({ ...own, gamma })
      const violation = { operand: { buffer: terms }, first: first[factor] }
      return pgStep({ ...own, step, L: L!, violation, measure: round === 0 })
    },
  }
}
