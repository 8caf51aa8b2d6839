import { type Beside, betaEntries, columnSums, entryTerms } from './beta-calls.js'
import type { Call, Operand } from './calls.js'
import type { CsrRows } from './data.js'
import type { FactorName } from './descent.js'
import { type Family, type Measure, type Setting, SLOT, type State } from './family.js'
import { SMALLEST_BUFFER } from './gpu.js'
import { gradientFamily, gradientsOf, type Products } from './gradient-family.js'
import { csrParts, SUM_PARTS, sumPartsOf } from './plan.js'
import { dotOf, xhtCsr } from './product-calls.js'
import { sumTerms } from './rule-calls.js'

const LOSS: Beside = { push: false, bend: false, measure: true }

/** The listed entries of X as one factor's update reads them. */
interface Listed {
  readonly name: FactorName
  readonly X: CsrRows
  /** Pieces that each row is cut into. */
  readonly parts: number
}

/** What each entry contributes: up to three lists of the fullest panel's length, one after the other. */
export interface Lists {
  readonly buffer: GPUBuffer
  /** Entries from one list to the next, so that each begins where a binding may. */
  readonly length: number
}

/** Makes room for `count` lists. */
export async function listsFor({ owned }: Setting, sides: readonly CsrRows[], count: number): Promise<Lists> {
  const fullest = Math.max(1, ...sides.flatMap(({ panels }) => panels.map(({ entries }) => entries)))
  const unit = SMALLEST_BUFFER / 4
  const length = Math.ceil(fullest / unit) * unit
  return { buffer: await owned.storage(count * length * 4), length }
}

/** Whether entries that are not listed count, as zeros. */
export function zerosCount({ data }: Setting): boolean {
  return !data.weights
}

/** X by its rows. */
export function listed({ data }: Setting): CsrRows {
  if (data.X.kind === 'csr') return data.X.byRows
  throw new TypeError('the entries of a dense matrix are not listed')
}

/** What the entries of each panel contribute, and then what `use` makes of that. */
function walk(
  setting: Setting,
  { name, X, parts }: Listed,
  lists: Lists,
  o: { state: State; beta: number; wanted: Beside; terms: GPUBuffer | undefined },
  use: (panel: CsrRows['panels'][number]) => Call[],
): Call[] {
  const { width, W, Ht } = setting
  const [F, O] = name === 'W' ? [W, Ht] : [Ht, W]
  return X.panels.flatMap(panel => [
    betaEntries({
      ...{ panel, rank: width, parts, beta: o.beta, wanted: o.wanted, zeros: zerosCount(setting) },
      ...{ partLength: lists.length, firstTerm: panel.first * parts },
      ...{ indptr: { buffer: panel.indptr }, indices: { buffer: panel.indices }, values: { buffer: panel.values } },
      weights: panel.weights && { buffer: panel.weights },
      ...{ F: { buffer: F[o.state] }, O: { buffer: O[o.state] }, entries: { buffer: lists.buffer } },
      terms: o.terms && { buffer: o.terms },
    }),
    ...use(panel),
  ])
}

/** How the loss is told from terms that entries have left. */
interface Loss extends Omit<Measure, 'measure'> {
  readonly terms: GPUBuffer
  /** Dispatches that leave its sums in a slot. */
  sum(state: State): Call[]
}

/** @param ofHtThere where column sums of Hᵀ are, as the caller leaves them; default: nowhere */
async function lossOf(setting: Setting, ofHtThere?: GPUBuffer): Promise<Loss> {
  const { owned, data, room, dots, width, columns, slot } = setting
  const X = listed(setting)
  const parts = csrParts(X, width, room)
  const termCount = entryTerms(X.rows, parts)
  const terms = await owned.storage(termCount * 4)
  // the sum of all of W·H, as the kernel leaves the model out of every listed entry
  const sums = zerosCount(setting)
    ? {
        W: await owned.storage(SUM_PARTS * width * 4),
        Ht: ofHtThere ?? (await owned.storage(SUM_PARTS * width * 4)),
      }
    : undefined
  const [ofW, ofHt] = [sumPartsOf(data.rows), sumPartsOf(columns)]
  const whole = (state: State): Call[] => {
    if (!sums) return []
    const [W, Ht] = [{ buffer: sums.W }, { buffer: sums.Ht }]
    const none = { operand: undefined, parts: 0 }
    return [
      columnSums({ rows: data.rows, rank: width, parts: ofW, F: { buffer: setting.W[state] }, into: W }),
      ...(ofHtThere
        ? []
        : [columnSums({ rows: columns, rank: width, parts: ofHt, F: { buffer: setting.Ht[state] }, into: Ht })]),
      dotOf({
        threads: dots.threads,
        ...{ abGroups: 0, cdGroups: dots.cd, abLength: 0, cdLength: width, a: none, b: undefined },
        ...{
          c: { operand: W, parts: ofW.count },
          d: { operand: Ht, parts: ofHt.count },
          partials: slot,
          low: SLOT.low,
        },
      }),
    ]
  }
  const first = sums ? dots.cd : 0
  return {
    terms,
    sum: state => [
      ...whole(state),
      sumTerms({
        length: termCount,
        first,
        low: SLOT.low + first,
        groups: dots.ab,
        terms: { buffer: terms },
        into: slot,
      }),
    ],
    constant: 0,
    parts: { ab: first, cd: dots.ab, abFactor: 1, cdFactor: 1 },
  }
}

export async function entriesMeasure(setting: Setting, beta: number): Promise<Measure> {
  const X = listed(setting)
  const lists = await listsFor(setting, [X], 1)
  const parts = csrParts(X, setting.width, setting.room)
  const { terms, sum, ...loss } = await lossOf(setting)
  const measured = (state: State) =>
    walk(setting, { name: 'W', X, parts }, lists, { state, beta, wanted: LOSS, terms }, () => [])
  return { ...loss, measure: state => [...measured(state), ...sum(state)] }
}

/**
 * Any loss at the listed entries of a CSR X alone: those are the only ones that count, or, where they have no weights, the
 * loss is Kullback–Leibler and all others are zeros, of which the factors' column sums know enough.
 */
export async function entriesFamily(setting: Setting): Promise<Family> {
  const { owned, spec, data, room, width } = setting
  const { beta } = spec
  const gradients = await gradientsOf(setting)
  const { shared, sums, norms, ahead } = gradients
  const byRows = listed(setting)
  const byColumns = data.X.kind === 'csr' ? data.X.byColumns : undefined
  const lists = await listsFor(setting, byColumns ? [byRows, byColumns] : [byRows], norms ? 3 : shared ? 1 : 2)
  const { terms, sum, ...loss } = await lossOf(setting, ahead ? sums.W : undefined)

  async function sideOf(name: FactorName, X: CsrRows): Promise<Listed & Products> {
    const parts = csrParts(X, width, room)
    const bytes = X.rows * parts * 4
    const L = norms && (await owned.storage(bytes))
    return {
      ...{ name, X, parts, N: await owned.storage(bytes * width) },
      P: shared ? undefined : await owned.storage(bytes * width),
      L: L && { operand: { buffer: L }, terms: parts, step: X.rows, stride: 1 },
    }
  }
  const W = await sideOf('W', byRows)
  const Ht = byColumns && (await sideOf('Ht', byColumns))

  function form(factor: FactorName, state: State, measured: boolean): Call[] {
    const side = factor === 'W' ? W : Ht!
    const { X, parts, N, P, L } = side
    const other = { buffer: (factor === 'W' ? setting.Ht : setting.W)[state] }
    const wanted: Beside = { push: !shared, bend: norms !== undefined, measure: measured }
    /** One of the lists in the place of X's values, times O or its rows' norms. */
    const product = (panel: CsrRows['panels'][number], list: number, rank: number, O: Operand, into: Operand) =>
      xhtCsr({
        ...{ rows: panel.count, rank, firstRow: panel.first, parts, partLength: X.rows * rank },
        ...{ indptr: { buffer: panel.indptr }, indices: { buffer: panel.indices } },
        values: { buffer: lists.buffer, offset: list * lists.length * 4, size: lists.length * 4 },
        ...{ Ht: O, N: into },
      })
    return walk(setting, side, lists, { state, beta, wanted, terms: measured ? terms : undefined }, panel => [
      product(panel, 0, width, other, { buffer: N }),
      ...(P ? [product(panel, 1, width, other, { buffer: P })] : []),
      ...(L && norms ? [product(panel, 2, 1, { buffer: norms }, L.operand)] : []),
    ])
  }

  return await gradientFamily(setting, gradients, {
    ...{ ...loss, W, Ht, form, sum },
    measure: state => walk(setting, W, lists, { state, beta, wanted: LOSS, terms }, () => []),
  })
}
