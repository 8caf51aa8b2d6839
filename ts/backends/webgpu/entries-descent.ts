import { columnSums } from './beta-calls.js'
import { bppCsr } from './bpp-calls.js'
import type { CsrRows } from './data.js'
import { descentFamily, type FactorName, pivoting, type Sweeps } from './descent.js'
import { cdCsr, spills } from './descent-calls.js'
import { entriesMeasure, listed, zerosCount } from './entries-family.js'
import type { Family, Setting } from './family.js'
import { SUM_PARTS, sumPartsOf } from './plan.js'

/** Coordinate descent, or pivoting, at the listed entries of a CSR X: of W by its rows, of Hᵀ by those of its transpose. */
export async function entriesDescent(setting: Setting): Promise<Family> {
  const { owned, spec, data, columns, width } = setting
  const byRows = listed(setting)
  const byColumns = data.X.kind === 'csr' ? data.X.byColumns : undefined
  const sums = zerosCount(setting) ? { buffer: await owned.storage(SUM_PARTS * width * 4) } : undefined
  const rowsFor = (factor: FactorName): CsrRows => (factor === 'W' ? byRows : byColumns!)

  const sweeps: Sweeps = {
    length(factor) {
      const { entries, rows } = factor === 'W' ? byRows : (byColumns ?? byRows)
      return entries / rows
    },
    spilled(factor, shares) {
      const { longest, panels } = rowsFor(factor)
      return spills(longest, shares) ? Math.max(...panels.map(({ entries }) => entries)) : 0
    },
    update(factor, rounds) {
      const isW = factor === 'W'
      const others = isW ? columns : data.rows
      const O = { buffer: (isW ? setting.Ht : setting.W)[0] }
      const parts = sumPartsOf(others)
      const before = sums ? [columnSums({ rows: others, rank: width, parts, F: O, into: sums })] : []
      return [
        ...before,
        ...rowsFor(factor).panels.flatMap(({ first, count, indptr, indices, values, weights }) =>
          rounds(first).flatMap(round => {
            const lists = { indptr: { buffer: indptr }, indices: { buffer: indices }, values: { buffer: values } }
            const own = { ...lists, rows: count, O }
            const over = weights && { buffer: weights }
            const pivoted = pivoting(round)
            if (pivoted) return bppCsr({ ...pivoted, ...own, weights: over })
            const beside = sums ? { sums: { operand: sums, parts: parts.count } } : { weights: over }
            return [cdCsr({ ...round, ...own, beside })]
          }),
        ),
      ]
    },
  }
  return await descentFamily(setting, sweeps, await entriesMeasure(setting, spec.beta))
}
