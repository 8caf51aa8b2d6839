import { NonnegError } from '../../core/errors.js'
import { bppBytes, bppThreads, type Pivoted } from './bpp-calls.js'
import type { Call, Operand } from './calls.js'
import { type Scratch, type Shares, sharesFor } from './descent-calls.js'
import { boundsOf, type Family, type Measure, type Setting } from './family.js'
import { type Waits, waits } from './holds.js'
import type { Bounds } from './rule-calls.js'

export type FactorName = 'W' | 'Ht'

/** What a dispatch is told that moves rows of a factor once, whatever holds their entries. */
export interface Round extends Waits {
  readonly rank: number
  readonly beta: number
  readonly bounds: Bounds
  readonly shares: Shares
  readonly firstRow: number
  readonly F: Operand
  readonly scratch: Scratch
  /** Where the rule is `bpp`: room for the systems of so many rows. */
  readonly systems: Systems | undefined
}

export interface Systems {
  readonly operand: Operand
  readonly threads: number
}

/** What pivoting is told in the place of descent; undefined where the rule is another. */
export function pivoting({ systems, scratch, ...round }: Round): Omit<Pivoted, 'rows'> | undefined {
  if (!systems) return undefined
  const violation = { operand: scratch.operand, first: scratch.firstTerm }
  return { ...round, threads: systems.threads, scratch: systems.operand, violation }
}

/** Descent or pivoting of the rows of either factor, as one kind of X has it. */
export interface Sweeps {
  /** Entries that a row of the factor has in X, in the mean. */
  length(factor: FactorName): number
  /** Values of models for which workgroups have no room, at most, at any time. */
  spilled(factor: FactorName, shares: Shares): number
  /** Dispatches of an update; `rounds`: those of all rows from this one on that are taken together. */
  update(factor: FactorName, rounds: (firstRow: number) => readonly Round[]): Call[]
}

/** The family of a fit whose rows move by their own entries of X: its sweeps, and how its loss is told. */
export async function descentFamily(setting: Setting, sweeps: Sweeps, measure: Measure): Promise<Family> {
  const { owned, spec, data, room, width } = setting
  const { beta, rounds = 1 } = spec
  const factors: readonly FactorName[] = spec.fixed === 'H' ? ['W'] : ['W', 'Ht']
  // rows that pad Hᵀ have no entries and do not move
  const rows = { W: data.rows, Ht: data.columns }
  const firstTerm = { W: 0, Ht: rows.W }
  const termCount = factors.reduce((sum, factor) => sum + rows[factor], 0)
  // violations are those of the first round; the others' go where nobody looks
  const unread = termCount
  const firstSpill = unread + Math.max(rows.W, rows.Ht)
  const shares = {
    W: sharesFor(rows.W, sweeps.length('W'), room),
    Ht: sharesFor(rows.Ht, sweeps.length('Ht'), room),
  }
  const isPivoted = spec.rule === 'bpp'
  const spilled = isPivoted ? 0 : Math.max(...factors.map(factor => sweeps.spilled(factor, shares[factor])))
  if ((firstSpill + spilled) * 4 > room.bindingBytes) {
    const reason = 'models of rows of X are larger than this GPU lets a kernel see at once'
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', reason, { detail: { bytes: spilled * 4 } })
  }
  const terms = await owned.storage((firstSpill + spilled) * 4)
  const bounds = boundsOf(spec)
  const most = Math.max(...factors.map(factor => rows[factor]))
  const systems = isPivoted
    ? {
        operand: { buffer: await owned.storage(bppBytes(most, width, room, true)) },
        threads: bppThreads(most, width, room, true),
      }
    : undefined

  function update(factor: FactorName): Call[] {
    const own = { rank: width, beta, bounds: bounds[factor], shares: shares[factor] }
    const F = { buffer: (factor === 'W' ? setting.W : setting.Ht)[0] }
    return sweeps.update(factor, firstRow =>
      Array.from({ length: rounds }, (_, round) => {
        const first = (round === 0 ? firstTerm[factor] : unread) + firstRow
        const scratch = { operand: { buffer: terms }, firstTerm: first, firstLoss: undefined, firstSpill }
        return { ...own, firstRow, F, scratch, systems, ...waits(setting, factor, round, firstRow) }
      }),
    )
  }

  return {
    ...measure,
    begin: () => [],
    updateW: () => update('W'),
    updateH: () => (factors.includes('Ht') ? update('Ht') : []),
    loss: measure.measure,
    left: { buffer: await owned.storage(0), bytes: 0 },
    terms,
    termCount,
  }
}
