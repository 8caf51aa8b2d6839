import { familyFor } from './data.js'
import { entriesDescent } from './entries-descent.js'
import { entriesFamily, entriesMeasure } from './entries-family.js'
import type { Family, Measure, Setting } from './family.js'
import { gramFamily } from './gram-family.js'
import { BY_ROWS } from './support.js'
import { tileDescent } from './tile-descent.js'
import { tileFamily, tileMeasure } from './tile-family.js'

const FAMILIES = { gram: gramFamily, entries: entriesFamily, tile: tileFamily }
/** Where rows move by their own entries of X: by a Gram matrix they need no W·H. */
const DESCENTS = { gram: gramFamily, entries: entriesDescent, tile: tileDescent }

/** The family of a fit's own loss and rule. */
export function familyIn(setting: Setting): Promise<Family> {
  const { data, spec } = setting
  return (BY_ROWS.includes(spec.rule) ? DESCENTS : FAMILIES)[familyFor(data, spec.beta)](setting)
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
