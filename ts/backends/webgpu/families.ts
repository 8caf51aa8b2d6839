import { familyFor } from './data.js'
import { entriesFamily, entriesMeasure } from './entries-family.js'
import type { Family, Measure, Setting } from './family.js'
import { gramFamily } from './gram-family.js'
import { tileFamily, tileMeasure } from './tile-family.js'

const FAMILIES = { gram: gramFamily, entries: entriesFamily, tile: tileFamily }

/** The family of a fit's own loss. */
export function familyIn(setting: Setting): Promise<Family> {
  return FAMILIES[familyFor(setting.data, setting.spec.beta)](setting)
}

/** How another loss is told from the factors, once. */
export async function measureIn(setting: Setting, beta: number): Promise<Measure> {
  const name = familyFor(setting.data, beta)
  if (name === 'tile') return await tileMeasure(setting, beta)
  if (name === 'entries') return await entriesMeasure(setting, beta)
  // as a fit that leaves H where it is
  const family = await gramFamily({ ...setting, spec: { ...setting.spec, beta, rule: 'mu', fixed: 'H' } })
  return { ...family, measure: state => [...family.begin(state), ...family.measure(state)] }
}
