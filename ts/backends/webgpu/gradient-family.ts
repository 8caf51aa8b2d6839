import { columnSums, rowNorms } from './beta-calls.js'
import type { Call } from './calls.js'
import type { FactorName } from './descent.js'
import type { Family, Measure, Setting, State } from './family.js'
import { gradientRules, type Halves } from './gradient-rules.js'
import { SUM_PARTS, sumPartsOf } from './plan.js'
import type { Curvature } from './rule-calls.js'

/** What the gradients of both factors are made of, beside what is formed from X. */
export interface Gradients {
  /** Whether the model pushes back with the other factor's column sums alone: Kullback–Leibler where every entry counts. */
  readonly shared: boolean
  /** The column sums that either factor's update takes, where they are all. */
  readonly sums: Readonly<Record<FactorName, GPUBuffer | undefined>>
  /** Squared norms of the other factor's rows, where curvatures are wanted. */
  readonly norms: GPUBuffer | undefined
  /**
   * Whether the pass that tells the loss of an iteration leaves what W's next update takes: it is the same W·H. A fit that
   * extrapolates may go back to other factors, and batches move them by themselves: there a pass of its own tells the loss.
   */
  readonly ahead: boolean
}

export async function gradientsOf({ owned, spec, data, width, columns, motion }: Setting): Promise<Gradients> {
  const { rows, weights } = data
  const shared = spec.beta === 1 && !weights
  const sumsOf = async () => (shared ? await owned.storage(SUM_PARTS * width * 4) : undefined)
  return {
    shared,
    sums: { W: await sumsOf(), Ht: await sumsOf() },
    norms: spec.rule === 'pg' ? await owned.storage(Math.max(rows, columns) * 4) : undefined,
    ahead: motion === undefined && !spec.batches,
  }
}

/** Of one factor: the sums that its products are left in. */
export interface Products {
  readonly parts: number
  readonly N: GPUBuffer
  /** Absent where the other factor's column sums are all of it. */
  readonly P: GPUBuffer | undefined
  /** Where curvatures are wanted. */
  readonly L: Curvature | undefined
}

/** How one kind of X forms them, and tells the loss. */
export interface Former extends Omit<Measure, 'measure'> {
  readonly W: Products
  /** Absent where H stays. */
  readonly Ht: Products | undefined
  /** A factor's products, and beside W's the terms of the loss where it is `measured`. */
  form(factor: FactorName, state: State, measured: boolean): Call[]
  /** The terms of the loss alone. */
  measure(state: State): Call[]
  /** What they come to, in a slot. */
  sum(state: State): Call[]
}

/** The family of rules that need no more than the halves of a gradient. */
export async function gradientFamily(setting: Setting, gradients: Gradients, former: Former): Promise<Family> {
  const { owned, spec, data, width, columns } = setting
  const { rounds = 1 } = spec
  const { shared, sums, norms, ahead } = gradients
  const { form, measure, sum, constant, parts } = former
  const rules = await gradientRules(owned, setting)
  const otherOf = (factor: FactorName, state: State) =>
    factor === 'W'
      ? { rows: columns, rank: width, F: { buffer: setting.Ht[state] } }
      : { rows: data.rows, rank: width, F: { buffer: setting.W[state] } }

  /** What the other factor alone gives, which stands as long as that does. */
  function prepared(factor: FactorName, state: State): Call[] {
    const other = otherOf(factor, state)
    const into = sums[factor]
    return [
      ...(norms ? [rowNorms({ ...other, into: { buffer: norms } })] : []),
      ...(into ? [columnSums({ ...other, parts: sumPartsOf(other.rows), into: { buffer: into } })] : []),
    ]
  }

  /** All rounds of an update. @param ready whether what the first takes is there */
  function update(factor: FactorName, { N, P, L, parts: count }: Products, state: State, ready: boolean): Call[] {
    const whole = sums[factor]
    const halves: Halves = {
      N: { operand: { buffer: N }, parts: count },
      P: whole
        ? {
            operand: { buffer: whole },
            parts: sumPartsOf(otherOf(factor, state).rows).count,
            partLength: width,
          }
        : { operand: { buffer: P! }, parts: count },
      shared,
      L,
    }
    const many = Array.from({ length: rounds }, (_, at) => [
      ...(ready && at === 0 ? [] : form(factor, state, false)),
      rules.move(factor, halves, at),
    ])
    return [...(ready ? [] : prepared(factor, state)), ...many.flat()]
  }

  const first = (state: State) => [...prepared('W', state), ...form('W', state, true)]
  const told = (state: State) => [...(ahead ? [] : measure(state)), ...sum(state)]
  const { W, Ht } = former
  return {
    ...{ constant, parts, measure: told },
    begin: state => (ahead ? first(state) : []),
    updateW: state => update('W', W, state, ahead),
    updateH: state => (Ht ? update('Ht', Ht, state, false) : []),
    // where H stays nothing begins anew before the loss
    loss: state => [...(ahead && !Ht ? first(state) : []), ...told(state)],
    left: { buffer: await owned.storage(0), bytes: 0 },
    terms: rules.terms,
    termCount: rules.termCount,
  }
}
