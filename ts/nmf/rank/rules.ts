import type { RankRow } from './choice.js'

/** A rank, why, and what other rules would have chosen. */
export interface Verdict {
  readonly rank: number
  readonly why: string
  readonly choices: Readonly<Record<string, number>>
}

/** A number as words show it. */
export function brief(value: number): string {
  return String(Number(value.toPrecision(4)))
}

/**
 * From mean errors by ascending rank: that of the least, or the smallest whose error is no more than one standard error
 * above it (Hastie, Tibshirani & Friedman, The Elements of Statistical Learning, section 7.10).
 */
export function chooseByError(table: readonly RankRow[], rule: 'one-standard-error' | 'minimum'): Verdict {
  const least = table.reduce((best, row) => (row.mean < best.mean ? row : best))
  const limit = least.mean + least.spread
  const simplest = table.find(({ mean }) => mean <= limit)!
  const choices = { 'one-standard-error': simplest.rank, minimum: least.rank }
  const lowest = `the mean error of held-out entries is least at rank ${least.rank} (${brief(least.mean)})`
  const near = `within one standard error of that (up to ${brief(limit)})`
  if (rule === 'minimum') {
    const other = simplest === least ? 'no smaller rank is' : `so is rank ${simplest.rank} (${brief(simplest.mean)})`
    return { rank: least.rank, why: `${lowest}; ${near} ${other}`, choices }
  }
  const other =
    simplest === least
      ? `no smaller rank is ${near}`
      : `rank ${simplest.rank} (${brief(simplest.mean)}) is the smallest ${near}`
  return { rank: simplest.rank, why: `${lowest}, and ${other}`, choices }
}

/** Agreement that differs by less is the same: a thousandth of what it can be. */
const SAME = 1e-3

/**
 * From agreement by ascending rank: the largest of the ranks at which it is greatest. Small ranks may agree as well, since
 * what falls into many clear groups often falls into few; beyond the choice agreement is lost, which is where Brunet et al.
 * look for the rank by eye.
 */
export function chooseByAgreement(table: readonly RankRow[], rule: 'dispersion' | 'cophenetic'): Verdict {
  const greatest = (measure: 'dispersion' | 'cophenetic') => {
    const best = Math.max(...table.map(row => row[measure]!))
    return table.findLast(row => row[measure]! > best - SAME)!
  }
  const [row, last] = [greatest(rule), table[table.length - 1]]
  const choices = { dispersion: greatest('dispersion').rank, cophenetic: greatest('cophenetic').rank }
  const name = { dispersion: 'dispersion', cophenetic: 'cophenetic correlation' }[rule]
  const beyond = row === last ? 'no larger rank was tried' : 'it falls at larger ranks'
  const why = `the ${name} of the consensus is greatest (${brief(row[rule]!)}) at rank ${row.rank}; ${beyond}`
  return { rank: row.rank, why, choices }
}
