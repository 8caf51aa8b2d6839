import { betaEntries, columnSums, entryTerms, rowNorms, type Wanted } from './beta-calls.js'
import type { Call } from './calls.js'
import type { CsrRows } from './data.js'
import { type Family, type Measure, type Setting, SLOT, type State } from './family.js'
import { SMALLEST_BUFFER } from './gpu.js'
import { gradientRules, type Halves } from './gradient-rules.js'
import { csrParts, SUM_PARTS, sumPartsOf } from './plan.js'
import { dotOf, xhtCsr } from './product-calls.js'
import { sumTerms } from './rule-calls.js'

const LOSS: Wanted = { push: false, bend: false, measure: true }

/** The listed entries of X as one factor's update reads them, and what its products are. */
interface Side {
  readonly name: 'W' | 'Ht'
  readonly X: CsrRows
  /** Pieces that each row is cut into. */
  readonly parts: number
  readonly N: GPUBuffer
  /** Absent where the other factor's column sums are all of it. */
  readonly P: GPUBuffer | undefined
  readonly L: GPUBuffer | undefined
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
  { name, X, parts }: Pick<Side, 'name' | 'X' | 'parts'>,
  lists: Lists,
  o: { state: State; beta: number; wanted: Wanted; terms: GPUBuffer | undefined },
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

async function measureOf(setting: Setting, lists: Lists, beta: number): Promise<Measure> {
  const { owned, data, room, dots, width, columns, slot } = setting
  const X = listed(setting)
  const parts = csrParts(X, width, room)
  const termCount = entryTerms(X.rows, parts)
  const terms = await owned.storage(termCount * 4)
  // the sum of all of W·H, as the kernel leaves the model out of every listed entry
  const sums = zerosCount(setting)
    ? { W: await owned.storage(SUM_PARTS * width * 4), Ht: await owned.storage(SUM_PARTS * width * 4) }
    : undefined
  const [ofW, ofHt] = [sumPartsOf(data.rows), sumPartsOf(columns)]
  const whole = (state: State): Call[] => {
    if (!sums) return []
    const [W, Ht] = [{ buffer: sums.W }, { buffer: sums.Ht }]
    const none = { operand: undefined, parts: 0 }
    return [
      columnSums({ rows: data.rows, rank: width, parts: ofW, F: { buffer: setting.W[state] }, into: W }),
      columnSums({ rows: columns, rank: width, parts: ofHt, F: { buffer: setting.Ht[state] }, into: Ht }),
      dotOf({
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
    measure: state => [
      ...walk(setting, { name: 'W', X, parts }, lists, { state, beta, wanted: LOSS, terms }, () => []),
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
  return await measureOf(setting, await listsFor(setting, [listed(setting)], 1), beta)
}

/**
 * Any loss at the listed entries of a CSR X alone: those are the only ones that count, or, where they have no weights, the
 * loss is Kullback–Leibler and all others are zeros, of which the factors' column sums know enough.
 */
export async function entriesFamily(setting: Setting): Promise<Family> {
  const { owned, spec, data, room, width, columns } = setting
  const { beta, rule, rounds = 1 } = spec
  const { rows } = data
  const bend = rule === 'pg'
  const shared = zerosCount(setting)
  const wanted: Wanted = { push: !shared, bend, measure: false }
  const byRows = listed(setting)
  const byColumns = data.X.kind === 'csr' ? data.X.byColumns : undefined
  const lists = await listsFor(setting, byColumns ? [byRows, byColumns] : [byRows], bend ? 3 : shared ? 1 : 2)
  const rules = await gradientRules(owned, setting)
  const norms = bend ? await owned.storage(Math.max(rows, columns) * 4) : undefined
  const sums = shared ? await owned.storage(SUM_PARTS * width * 4) : undefined

  async function sideOf(name: 'W' | 'Ht', X: CsrRows): Promise<Side> {
    const parts = csrParts(X, width, room)
    const bytes = X.rows * parts * 4
    const N = await owned.storage(bytes * width)
    const P = shared ? undefined : await owned.storage(bytes * width)
    return { name, X, parts, N, P, L: bend ? await owned.storage(bytes) : undefined }
  }
  const W = await sideOf('W', byRows)
  const Ht = byColumns && (await sideOf('Ht', byColumns))

  function update(side: Side, state: State): Call[] {
    const { name, X, parts, N, P, L } = side
    const isW = name === 'W'
    const other = { rows: isW ? columns : rows, rank: width, F: { buffer: (isW ? setting.Ht : setting.W)[state] } }
    const cut = sumPartsOf(other.rows)
    const halves: Halves = {
      N: { operand: { buffer: N }, parts },
      P: sums ? { operand: { buffer: sums }, parts: cut.count, partLength: width } : { operand: { buffer: P! }, parts },
      shared,
      L: L && { operand: { buffer: L }, terms: parts, step: X.rows, stride: 1 },
    }
    /** One of the lists in the place of X's values, times O or its rows' norms. */
    const product = (panel: CsrRows['panels'][number], list: number, rank: number, O: GPUBuffer, into: GPUBuffer) =>
      xhtCsr({
        ...{ rows: panel.count, rank, firstRow: panel.first, parts, partLength: X.rows * rank },
        ...{ indptr: { buffer: panel.indptr }, indices: { buffer: panel.indices } },
        values: { buffer: lists.buffer, offset: list * lists.length * 4, size: lists.length * 4 },
        ...{ Ht: { buffer: O }, N: { buffer: into } },
      })
    const once = [
      ...(norms ? [rowNorms({ ...other, into: { buffer: norms } })] : []),
      ...(sums ? [columnSums({ ...other, parts: cut, into: { buffer: sums } })] : []),
    ]
    const O = other.F.buffer
    const round = walk(setting, side, lists, { state, beta, wanted, terms: undefined }, panel => [
      product(panel, 0, width, O, N),
      ...(P ? [product(panel, 1, width, O, P)] : []),
      ...(L && norms ? [product(panel, 2, 1, norms, L)] : []),
    ])
    const many = Array.from({ length: rounds }, (_, at) => [...round, rules.move(name, halves, at)])
    return [...once, ...many.flat()]
  }

  const measure = await measureOf(setting, lists, beta)
  return {
    ...measure,
    begin: () => [],
    updateW: state => update(W, state),
    updateH: state => (Ht ? update(Ht, state) : []),
    loss: measure.measure,
    left: { buffer: await owned.storage(0), bytes: 0 },
    terms: rules.terms,
    termCount: rules.termCount,
  }
}
