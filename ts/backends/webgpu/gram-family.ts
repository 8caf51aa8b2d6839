import { muRatio } from './beta-calls.js'
import { bppBytes, bppThreads, bppUpdate } from './bpp-calls.js'
import type { Call } from './calls.js'
import { boundsOf, type Family, type Pair, type Setting, SLOT, type State, stateAfter } from './family.js'
import { stays, waits } from './holds.js'
import { addParts, dotOf, square, xhtDense } from './product-calls.js'
import { gramBuffer, gramCalls, gramDeal, productsOf, type Summed } from './products.js'
import { halsLanes, halsUpdate, muRows, muUpdate, pgStep, pgTerms, type Violation } from './rule-calls.js'

/** One factor before its update: rows of the device, and the products that it moves by. */
interface Side {
  readonly name: 'W' | 'Ht'
  readonly rows: number
  readonly F: Pair
  readonly N: Summed
  readonly G: Summed
  readonly first: number
  /** Where its rows are in F; default: all of them. */
  readonly firstRow?: number
  readonly range?: { readonly offset: number; readonly size: number }
}

/** The Frobenius loss without weights, by X·Hᵀ and H·Hᵀ: W·H never appears. */
export async function gramFamily(setting: Setting): Promise<Family> {
  const { owned, spec, data, room, dots, width, columns, W, Ht, motion, slot } = setting
  const { rule, rounds = 1, step = 1 } = spec
  const { rows } = data
  const fixed = spec.fixed === 'H'
  // a thread that owns a row, or four entries of a product, reads all of it, and what is kept is one part: others are added
  const readers = (count: number) => (rule === 'mu' && setting.alternates && !motion ? count : Number.POSITIVE_INFINITY)
  const products = await productsOf(owned, data, { rank: width, room, fixed, readers })
  const { N, forW, forH } = products
  const gDeal = gramDeal(columns, width, room)
  const G = await gramBuffer(owned, width, gDeal, readers(rows), room)
  const sDeal = gramDeal(rows, width, room)
  const S = forH?.S ?? (await gramBuffer(owned, width, sDeal, rows, room))
  const isPushed = rule === 'pg' || (rule === 'mu' && !setting.alternates)
  const P = isPushed ? await owned.storage(Math.max(rows, columns) * width * 4) : undefined
  const ofRows = rule === 'hals' || rule === 'bpp'
  const termsOf = (count: number) => (ofRows ? count : rule === 'pg' ? pgTerms(count, width) : 0)
  const termCount = termsOf(rows) + (fixed ? 0 : termsOf(columns))
  const terms = await owned.storage(termCount * 4)
  const bounds = boundsOf(spec)
  const most = Math.max(rows, columns)
  const scratch = rule === 'bpp' ? await owned.storage(bppBytes(most, width, room, false)) : undefined

  /** P = F·G, the half of the gradient that the model pushes back with. */
  const pushes = ({ rows: count, F, G: gram, range }: Side, state: State) =>
    xhtDense({
      ...square(width, count, room),
      X: { ...range, buffer: F[state] },
      Ht: { buffer: gram.buffer },
      N: { buffer: P! },
    })

  /** The rule on one factor, all rounds of it. */
  function move(side: Side, state: State): Call[] {
    const { name, rows: count, F, N: product, G: gram, first, firstRow, range } = side
    const sums = {
      N: { operand: { buffer: product.buffer }, parts: product.parts },
      G: { operand: { buffer: gram.buffer }, parts: gram.parts },
    }
    const own = { rows: count, rank: width, bounds: bounds[name], ...stays(setting, name, firstRow) }
    const violation: Violation = { operand: { buffer: terms }, first }
    if (rule === 'mu' && setting.alternates) {
      const height = muRows(count, width, room)
      return Array.from({ length: rounds }, (_, round) => {
        const from = stateAfter(setting, state, round)
        return muUpdate({
          ...own,
          ...sums,
          height,
          F: { ...range, buffer: F[from] },
          into: { ...range, buffer: F[1 - from] },
        })
      })
    }
    const into = { ...range, buffer: F[state] }
    if (rule === 'product') {
      return [addParts({ length: count * width, parts: product.parts, N: sums.N.operand, into })]
    }
    if (scratch) {
      const threads = bppThreads(most, width, room, false)
      const of = { N: sums.N, G: sums.G.operand }
      return bppUpdate({ ...own, ...of, threads, F: into, scratch: { buffer: scratch }, violation })
    }
    if (rule === 'hals') {
      // its further rounds need no dispatch
      const shared = { ...own, lanes: halsLanes(count, width, room), rounds, ...waits(setting, name, 1, firstRow) }
      return [halsUpdate({ ...shared, N: sums.N, G: sums.G.operand, F: into, violation })]
    }
    const push = { operand: { buffer: P! }, parts: 1 }
    if (rule === 'mu') {
      const halves = { gamma: 1, N: sums.N, P: push, shared: false }
      return Array.from({ length: rounds }, (_, round) => [
        pushes(side, state),
        muRatio({ ...own, ...halves, F: into, ...waits(setting, name, round, firstRow) }),
      ]).flat()
    }
    // the trace bounds the largest eigenvalue, and with it the curvature of every row
    const L = { operand: sums.G.operand, terms: width, step: width + 1, stride: 0 }
    return Array.from({ length: rounds }, (_, round) => [
      pushes(side, state),
      pgStep({
        ...{ ...own, step, N: sums.N, P: push, shared: false, L, F: into, violation, measure: round === 0 },
        ...waits(setting, name, round, firstRow),
      }),
    ]).flat()
  }

  /** ⟨A, Hᵀ⟩ or, where H stays, ⟨N, W⟩, and ⟨S, H·Hᵀ⟩. */
  function inner(state: State): Call[] {
    const a = forH ? forH.A : N
    const length = (forH ? columns : rows) * width
    return [
      dotOf({
        ...{ threads: dots.threads, abGroups: dots.ab, cdGroups: dots.cd, abLength: length, cdLength: width * width },
        a: { operand: { buffer: a.buffer }, parts: a.parts },
        b: { buffer: forH ? Ht[state] : W[state] },
        c: { operand: { buffer: S.buffer }, parts: S.parts },
        d: { operand: { buffer: G.buffer }, parts: G.parts },
        partials: slot,
        low: SLOT.low,
      }),
    ]
  }

  /** The rule on H, once its products are there. */
  function moveHt(state: State): Call[] {
    if (!forH) return []
    return move({ name: 'Ht', rows: columns, F: Ht, N: forH.A, G: forH.S, first: termsOf(rows) }, state)
  }

  const { sweep } = products
  const swept: Family['sweep'] = (state, moved) => {
    const next = stateAfter(setting, state, rounds)
    const [panels, finish] = [sweep?.panels ?? [], sweep?.finish ?? []]
    const sides = panels.flatMap(panel => {
      const { first, count } = panel
      const range = { offset: first * width * 4, size: count * width * 4 }
      const side: Side = { name: 'W', rows: count, F: W, N, G, first: termsOf(first), firstRow: first, range }
      return [panel.forW(Ht[state]), ...move(side, state), ...moved(panel), panel.forH(W[next])]
    })
    return [...sides, ...finish, ...moveHt(state)]
  }

  const gramOfW = (state: State) => gramCalls({ F: W[state], rows, rank: width, deal: sDeal, into: S })
  const gramOfHt = (state: State) => gramCalls({ F: Ht[state], rows: columns, rank: width, deal: gDeal, into: G })
  return {
    // X·Hᵀ stays as it is where H does
    begin: state => [...gramOfHt(state), ...(fixed ? forW(Ht[state]) : [])],
    updateW: state => [...(fixed ? [] : forW(Ht[state])), ...move({ name: 'W', rows, F: W, N, G, first: 0 }, state)],
    updateH(state) {
      if (!forH) return []
      return [...forH.calls(W[stateAfter(setting, state, rounds)]), ...moveHt(state)]
    },
    sweep: sweep && swept,
    loss: state => (forH ? inner(state) : [...gramOfW(state), ...inner(state)]),
    measure: state => [...(forH ? forH.calls(W[state]) : gramOfW(state)), ...inner(state)],
    // ½‖X‖² − ⟨A, Hᵀ⟩ + ½⟨S, H·Hᵀ⟩
    constant: 0.5 * data.squaredNorm,
    parts: { ab: dots.ab, cd: dots.cd, abFactor: -1, cdFactor: 0.5 },
    left: { buffer: G.buffer, bytes: width * width * 4 * G.parts },
    terms,
    termCount,
  }
}
