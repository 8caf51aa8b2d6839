import type { FactorName } from './descent.js'
import { type Family, lossSums, type Measure, type Setting } from './family.js'
import { gradientFamily, gradientsOf, type Products } from './gradient-family.js'
import { type Into, LOSS, lossOf, tileProducts } from './tile-products.js'
import { tilesFor } from './tiles.js'

/** How the loss is told from its sums in a slot. */
function lossParts({ dots }: Setting): Omit<Measure, 'measure'> {
  return { constant: 0, parts: { ab: lossSums(dots), cd: 0, abFactor: 1, cdFactor: 0 } }
}

/** The loss of any β from W·H, one tile after another. */
export async function tileMeasure(setting: Setting, beta: number): Promise<Measure> {
  const tiles = await tilesFor(setting, { pull: false, push: false, bend: false })
  return {
    ...lossParts(setting),
    measure: state => [...tiles.all.flatMap(tile => tiles.fill(tile, state, beta, LOSS)), lossOf(setting, tiles)],
  }
}

/** Any loss, any X and any weights, from W·H formed for some rows at a time. */
export async function tileFamily(setting: Setting): Promise<Family> {
  const { owned, spec, data, width, columns } = setting
  const gradients = await gradientsOf(setting)
  const { shared, norms, ahead } = gradients
  const wish = { push: !shared, bend: norms !== undefined, measured: ahead }
  const { parts, form, measure, sum } = await tileProducts(setting, wish)

  async function sideOf(factor: FactorName, rows: number): Promise<Into & Products> {
    const { count } = parts[factor]
    const bytes = rows * width * count * 4
    const L = norms && (await owned.storage(rows * 4))
    return {
      ...{ parts: count, N: await owned.storage(bytes), P: shared ? undefined : await owned.storage(bytes) },
      ...{ bound: norms && L && { norms, L }, L: L && { operand: { buffer: L }, terms: 1, step: 0, stride: 1 } },
    }
  }
  const W = await sideOf('W', data.rows)
  const Ht = spec.fixed === 'H' ? undefined : await sideOf('Ht', columns)
  return await gradientFamily(setting, gradients, {
    ...{ ...lossParts(setting), W, Ht, measure, sum: () => [sum] },
    form: (factor, state, measured) => form(factor, state, factor === 'W' ? W : Ht!, measured),
  })
}
