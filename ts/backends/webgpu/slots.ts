import type { Outcome } from './batches.js'
import type { Call, Step } from './calls.js'
import { type Family, type Measure, type Setting, SLOT } from './family.js'
import { sumTerms } from './rule-calls.js'

/** Attempts at iterations whose outcomes stay on the device until they are read back together: a hundred and a few. */
export const SLOTS = 104

/** How a loss is told from a slot. */
export type Measured = Pick<Measure, 'constant' | 'parts'>

/** Partial sums, added in float64. */
export function sumOf(slot: Float32Array, first: number, count: number): number {
  return slot.subarray(first, first + count).reduce((a, b) => a + b, 0)
}

/** @param terms partial sums of the violation, 0 where there is none. @param mayFall whether the slot says if it stands */
export function outcomeOf(
  slot: Float32Array,
  { constant, parts }: Measured,
  { terms, mayFall }: { readonly terms: number; readonly mayFall: boolean },
): Outcome {
  const { ab, cd, abFactor, cdFactor } = parts
  const both = (first: number, count: number) => sumOf(slot, first, count) + sumOf(slot, SLOT.low + first, count)
  return {
    loss: Math.max(0, constant + abFactor * both(0, ab) + cdFactor * both(ab, cd)),
    violation: sumOf(slot, SLOT.violations, terms),
    stands: !mayFall || slot[SLOT.stands] !== 0,
  }
}

/** Steps whose outcome goes to a slot. */
export function inSlot(steps: readonly Step[], slot: number): Step[] {
  return steps.map(step => (step.offset === undefined ? step : { ...step, offset: slot * SLOT.bytes }))
}

/** Adds up the terms of the violation. */
export function violationOf({ terms, termCount }: Family, { dots, slot }: Setting): Call {
  const into = slot
  return sumTerms({
    length: termCount,
    first: SLOT.violations,
    low: SLOT.unread,
    groups: dots.terms,
    terms: { buffer: terms },
    into,
  })
}
