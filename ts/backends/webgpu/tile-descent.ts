import { type Placed, spreadCsr } from './beta-calls.js'
import { bppDense } from './bpp-calls.js'
import type { Call } from './calls.js'
import type { CsrPanel, DensePanel, DenseRows } from './data.js'
import { descentFamily, type FactorName, pivoting, type Sweeps } from './descent.js'
import { cdDense, spills, turn } from './descent-calls.js'
import type { Family, Setting } from './family.js'
import { commonRuns, type Panel, panelAt } from './plan.js'
import { tileMeasure } from './tile-family.js'
import { heightOf, tilesOf } from './tiles.js'

/** Some rows of a factor, and where their entries of X and of its weights are once `made` has run. */
interface Strip extends Panel {
  readonly made: readonly Call[]
  readonly X: Placed
  readonly V: Placed | undefined
}

/** Entries of the largest of some strips. */
function largest(strips: readonly Panel[], length: number): number {
  return Math.max(...strips.map(({ count }) => count)) * length
}

/** Columns of X in strips of no more than a tile, none across panels of columns. */
function columnsOf({ data, room }: Setting): Panel[] {
  const { X, V } = data
  const ofX: readonly Panel[] | undefined = X.kind === 'csr' ? X.byColumns?.panels : X.byColumns
  const cuts = [ofX ? [ofX] : [], V?.byColumns ? [V.byColumns] : []].flat()
  return commonRuns({ first: 0, count: data.columns }, heightOf(data.rows, room), cuts)
}

/** Columns of a dense matrix as rows: out of a panel of columns, or gathered from all of its rows. */
function turned(strip: Panel, { panels, stride, byColumns }: DenseRows, half: boolean, into: Placed): Call[] {
  const { first, count } = strip
  const from = byColumns && panelAt(byColumns, first)
  const parts = from
    ? [{ rows: into.stride, buffer: from.buffer, first: first - from.first, stride: from.stride, to: 0 }]
    : panels.map(panel => ({ rows: panel.count, buffer: panel.buffer, first, stride, to: panel.first }))
  return parts.map(({ rows, buffer, first: begin, stride: apart, to }) =>
    turn({
      ...{ rows, columns: count },
      A: { operand: { buffer }, first: begin, stride: apart, half },
      T: { ...into, first: to },
    }),
  )
}

/**
 * Coordinate descent with any loss, X and weights, and pivoting with weights. The rows of W see those of X, the rows of Hᵀ its
 * columns, which are turned strip by strip; a sparse X is spread strip by strip, from its transpose for Hᵀ. For descent the other
 * factor is turned whole.
 */
export async function tileDescent(setting: Setting): Promise<Family> {
  const { owned, spec, data, columns, width } = setting
  const { X, V, rows } = data
  const tiles = tilesOf(setting, { first: 0, count: rows })
  const across = spec.fixed === 'H' ? [] : columnsOf(setting)
  const sizeOf = { W: largest(tiles, columns), Ht: largest([{ first: 0, count: 0 }, ...across], rows) }
  const own = X.kind === 'csr' ? Math.max(sizeOf.W, sizeOf.Ht) : sizeOf.Ht
  const strip = { buffer: await owned.storage(own * 4) }
  const weights = V && { buffer: await owned.storage(sizeOf.Ht * 4) }
  const others = Math.max(columns, spec.fixed === 'H' ? 0 : rows)
  const turnedFactor = spec.rule === 'hals' ? { buffer: await owned.storage(others * width * 4) } : undefined
  const half = X.kind === 'dense' && X.half
  const place = (panel: DensePanel, first: number, stride: number): Placed => {
    return { operand: { buffer: panel.buffer }, first: (first - panel.first) * stride, stride }
  }

  /** A few rows of a sparse matrix as a strip. */
  const spread = ({ first, count }: Panel, panel: CsrPanel, length: number): Pick<Strip, 'made' | 'X'> => ({
    made: [spreadCsr({ rows: count, columns: length, firstRow: first - panel.first, panel, into: strip })],
    X: { operand: strip, first: 0, stride: length },
  })

  const ofW = (): Strip[] =>
    tiles.map(({ first, count, X: from, V: over }) => ({
      ...{ first, count, V: V && over && place(over, first, V.stride) },
      ...('dense' in from
        ? { made: [], X: { ...place(from.dense, first, columns), half } }
        : spread({ first, count }, from.csr, columns)),
    }))

  const ofHt = (): Strip[] =>
    across.map(part => {
      const to = { operand: strip, first: 0, stride: rows }
      const over = weights && { ...to, operand: weights }
      const turnedWeights = V && over ? turned(part, V, false, over) : []
      if (X.kind === 'dense') {
        return { ...part, made: [...turned(part, X, half, to), ...turnedWeights], X: to, V: over }
      }
      const { made, X: own } = spread(part, panelAt(X.byColumns!.panels, part.first), rows)
      return { ...part, made: [...made, ...turnedWeights], X: own, V: over }
    })

  const sweeps: Sweeps = {
    length: factor => (factor === 'W' ? data.columns : rows),
    spilled: (factor, shares) => (spills(factor === 'W' ? data.columns : rows, shares) ? sizeOf[factor] : 0),
    update(factor: FactorName, rounds) {
      const isW = factor === 'W'
      const others = isW ? columns : rows
      const other = { buffer: (isW ? setting.Ht : setting.W)[0] }
      const O = turnedFactor && { operand: turnedFactor, first: 0, stride: others }
      const strips = isW ? ofW() : ofHt()
      return [
        ...(O ? [turn({ rows: others, columns: width, A: { operand: other, first: 0, stride: width }, T: O })] : []),
        ...strips.flatMap(({ first, count, made, X: from, V: over }) => [
          ...made,
          ...rounds(first).flatMap(round => {
            const strip = { rows: count, columns: isW ? data.columns : rows, X: from, V: over }
            const own = { ...strip, holdout: data.holdout, row: first, turned: !isW }
            const pivoted = pivoting(round)
            return pivoted ? bppDense({ ...pivoted, ...own, O: other }) : [cdDense({ ...round, ...own, O: O! })]
          }),
        ]),
      ]
    },
  }
  return await descentFamily(setting, sweeps, await tileMeasure(setting, spec.beta))
}
