import type { FitSpec, Penalty, Rule } from '../backends/backend.js'
import type { MatrixView } from '../core/matrix.js'
import type { ResolvedBatchOptions } from './batch-options.js'

/** A way to lower the loss: a rule, how often it is applied, and whether the factors move on by themselves. */
export interface Solver {
  readonly rule: Rule
  readonly summary: string
  readonly source: string
  /** Rounds of the rule on each factor before the other moves. */
  readonly rounds?: number
  readonly extrapolate?: boolean
  /** H moves after each batch of rows, not after all of them; of so many unless told otherwise. */
  readonly batchRows?: number
  /** Batches come in the order of the rows, and H keeps a part of what former ones have left. Others are drawn. */
  readonly inOrder?: boolean
  /** Losses that it is for; default: every β. */
  suits?(beta: number): boolean
}

/**
 * Rounds of coordinate descent on one product with X, which costs several of them. One number for all X, dense or sparse, so
 * that how X is stored does not show in the result.
 */
const ROUNDS = 3

/** θ: what rates in units of 2/𝓛 are cut to where steps are bounded. */
export const SAFETY = 0.95

export type SolverName = 'mu' | 'hals' | 'ahals' | 'bpp' | 'scd' | 'online' | 'smu' | 'svrmu' | 'sgd' | 'pg'

/** Options, docs, benchmarks and tests walk this list. */
export const SOLVERS: Readonly<Record<SolverName, Solver>> = {
  mu: {
    rule: 'mu',
    summary: 'multiplicative updates',
    source: 'Lee & Seung, NIPS 2000; any β with its exponent: Févotte & Idier, Neural Computation 2011',
  },
  hals: {
    rule: 'hals',
    summary: 'coordinate descent in scikit-learn’s order; Newton steps where the loss is not Frobenius',
    source: 'Cichocki & Phan, IEICE Trans. Fundamentals 2009; Hsieh & Dhillon, KDD 2011',
  },
  ahals: {
    rule: 'hals',
    rounds: ROUNDS,
    extrapolate: true,
    summary: 'coordinate descent, some rounds for each product with X, with extrapolation and restarts',
    source: 'Ang & Gillis, Neural Computation 2019; rounds: Gillis & Glineur, Neural Computation 2012',
  },
  bpp: {
    rule: 'bpp',
    summary: 'alternating exact non-negative least squares by block principal pivoting',
    source: 'Kim & Park, SIAM J. Sci. Comput. 2011',
    suits: beta => beta === 2,
  },
  scd: {
    rule: 'hals',
    rounds: 2,
    extrapolate: true,
    summary: 'sequential coordinate descent with extrapolation for Kullback–Leibler',
    source: 'Hsieh & Dhillon, KDD 2011; Lin & Boutros, BMC Bioinformatics 2020; extrapolation as in ahals',
    suits: beta => beta === 1,
  },
  online: {
    rule: 'mu',
    batchRows: 1024,
    inOrder: true,
    summary: 'multiplicative updates from batches of rows, H with forgetting; an iteration is a pass over all of them',
    source: 'Lefèvre, Bach & Févotte, WASPAA 2011; as scikit-learn’s MiniBatchNMF',
  },
  smu: {
    rule: 'mu',
    batchRows: 128,
    summary: 'stochastic multiplicative updates: batches of rows in random order, H from each batch alone',
    source: 'Serizel, Essid & Richard, MLSP 2016; Kasai, NMFLibrary',
  },
  svrmu: {
    rule: 'svrmu',
    batchRows: 128,
    summary: 'multiplicative updates from batches of rows, with reduced variance',
    source: 'Kasai, ICASSP 2018',
    suits: beta => beta === 2,
  },
  sgd: {
    rule: 'sgd',
    batchRows: 128,
    rounds: 10,
    summary: 'projected stochastic gradient steps from batches of rows, with a learning rate that schedulers steer',
    source: 'Robbins & Monro, Ann. Math. Statist. 1951; bounds: docs/stability.md',
    suits: beta => beta === 2,
  },
  pg: {
    rule: 'pg',
    summary: 'projected gradient steps from a bound of the curvature',
    source: 'Lin, Neural Computation 2007',
  },
}

export const SOLVER_NAMES = Object.keys(SOLVERS) as readonly SolverName[]

/** Whether batches are drawn, and rows mixed before that. */
export function drawsBatches(solver: SolverName): boolean {
  const { batchRows, inOrder = false } = SOLVERS[solver]
  return batchRows !== undefined && !inOrder
}

/** What options say of a fit's numbers, checked. */
export interface Choice {
  readonly rank: number
  readonly dtype: 'f32' | 'f64'
  readonly storage: 'f16' | undefined
  readonly beta: number
  readonly solver: SolverName | 'auto'
  readonly alphaW: number
  readonly alphaH: number
  readonly l1Ratio: number
  readonly step: number | undefined
  readonly maxW: number | undefined
  readonly maxH: number | undefined
  /** How many components of H stay as they are; they come last. */
  readonly frozen: number
  readonly seed: number
  readonly batches: ResolvedBatchOptions
}

/** A solver and what it asks of a backend. */
export interface Candidate {
  readonly name: SolverName
  readonly spec: FitSpec
}

/**
 * `'auto'`, best first; the last is what every backend has. Further rounds of coordinate descent cost little beside the
 * products with X of the unweighted Frobenius loss, which it then lowers as several multiplicative updates do. Elsewhere
 * each round takes products of its own.
 */
function solversFor(solver: SolverName | 'auto', beta: number, weighted: boolean): readonly SolverName[] {
  if (solver !== 'auto') return [solver]
  return beta === 2 && !weighted ? ['ahals', 'mu'] : ['mu']
}

/** Undefined where nothing is added. */
function penaltyOf(alpha: number, l1Ratio: number, entries: number): Penalty | undefined {
  return alpha === 0 ? undefined : { l1: entries * alpha * l1Ratio, l2: entries * alpha * (1 - l1Ratio) }
}

/** What rules for batches alone ask for. */
function stochastic(rule: Rule, { seed, batches }: Choice): Pick<FitSpec, 'sgd' | 'ratio'> {
  const { safe, noise, updateLimit: limit, ratio } = batches
  if (rule === 'svrmu') return { ratio }
  return rule === 'sgd' ? { sgd: { safety: safe ? SAFETY : 0, noise, seed: seed % 2 ** 32, limit } } : {}
}

/**
 * What would do for a fit of X, best first: a solver that was not asked for by name is what the backend has. Penalties grow
 * with the entries that a row of W, or a column of H, has to fit, as scikit-learn scales them: alphaW by the columns of X,
 * alphaH by its rows.
 */
export function candidatesFor(choice: Choice, X: MatrixView, weighted: boolean, fixed?: 'H'): readonly Candidate[] {
  const { rank, dtype, storage, beta, alphaW, alphaH, l1Ratio, step, maxW, frozen } = choice
  const penaltyW = penaltyOf(alphaW, l1Ratio, X.columns)
  const penaltyH = fixed === 'H' ? undefined : penaltyOf(alphaH, l1Ratio, X.rows)
  const maxH = fixed === 'H' ? undefined : choice.maxH
  const movingH = frozen === 0 || fixed === 'H' ? undefined : rank - frozen
  return solversFor(choice.solver, beta, weighted).map(name => {
    const { rule, extrapolate, batchRows } = SOLVERS[name]
    const batches = batchRows === undefined || fixed === 'H' ? undefined : true
    const rounds = batches ? choice.batches.rounds : SOLVERS[name].rounds
    const moves = { rounds, batches, extrapolate, maxW, maxH, movingH, ...stochastic(rule, choice) }
    return { name, spec: { rank, beta, rule, dtype, storage, fixed, penaltyW, penaltyH, step, ...moves } }
  })
}
