import type { Loss } from '../problem.js'
import { problemName } from '../problem.js'

export const DATA_SETS = ['digits', 'fashion-mnist', 'state-of-the-union', 'spam-assassin'] as const
export type DataSetName = (typeof DATA_SETS)[number]

/** A data set, a rank and a loss: one race to one objective. */
export interface Case {
  readonly data: DataSetName
  readonly title: string
  readonly loss: Loss
  readonly rank: number
  /** The share of scikit-learn's time that `auto` may take. */
  readonly goal: number
}

/** Frobenius: a fifth on three of the four, and never more than so much. */
export const NEVER_ABOVE = 0.5
export const WANTED_FROBENIUS = 3

const TITLES: Readonly<Record<DataSetName, string>> = {
  digits: 'Digits',
  'fashion-mnist': 'Fashion-MNIST, test images',
  'state-of-the-union': 'State of the Union, word counts',
  'spam-assassin': 'SpamAssassin, word counts',
}
const RANKS: Readonly<Record<DataSetName, number>> = {
  digits: 10,
  'fashion-mnist': 32,
  'state-of-the-union': 10,
  'spam-assassin': 20,
}

const caseOf = (data: DataSetName, loss: Loss, goal: number): Case => {
  return { data, title: TITLES[data], loss, rank: RANKS[data], goal }
}

export const CASES: readonly Case[] = [
  ...DATA_SETS.map(data => caseOf(data, 'frobenius', 0.2)),
  caseOf('state-of-the-union', 'kullback-leibler', 0.1),
  caseOf('spam-assassin', 'kullback-leibler', 0.1),
]

/** The stem of a case's picture. */
export function caseStem({ data, loss }: Pick<Case, 'data' | 'loss'>): string {
  return `${data}-${loss}`
}

/** `objective:f32:1797x10x64:data=digits:loss=frobenius`. */
export function caseProblem(one: Case, { rows, columns }: { rows: number; columns: number }): string {
  return problemName('objective', 'f32', [rows, one.rank, columns], { data: one.data, loss: one.loss })
}
