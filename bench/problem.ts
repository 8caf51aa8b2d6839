import type { FitSpec } from '../ts/backends/backend.js'

/** Losses by the names that `factorize` takes, with their β. */
export const LOSSES = { frobenius: 2, 'kullback-leibler': 1, 'itakura-saito': 0 } as const
export type Loss = keyof typeof LOSSES

/** A whole fit: X is dense, or CSR with so many non-zeros. */
export interface FitProblem {
  readonly rule: FitSpec['rule']
  readonly dtype: 'f32' | 'f64'
  readonly rows: number
  readonly rank: number
  readonly columns: number
  /** Default: frobenius. */
  readonly loss?: Loss
  readonly nonzeros?: number
}

/**
 * `op:dtype:rows x rank x columns` with flags behind it, as in `mu:f32:2000x20x1000:loss=kullback-leibler`. Flags that
 * are undefined are left out.
 */
export function problemName(
  op: string,
  dtype: 'f32' | 'f64',
  sizes: readonly number[],
  flags: Readonly<Record<string, string | number | undefined>> = {},
): string {
  const extra = Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
  return [op, dtype, ...(sizes.length > 0 ? [sizes.join('x')] : []), ...extra].join(':')
}

export function fitName({ rule, dtype, rows, rank, columns, loss, nonzeros }: FitProblem): string {
  const flags = { loss: loss === 'frobenius' ? undefined : loss, nonzeros }
  return problemName(rule, dtype, [rows, rank, columns], flags)
}

/** The opposite of `fitName`. @throws RangeError where the text is none of its results */
export function parseFit(text: string): FitProblem {
  const [rule, dtype, sizes = '', ...flags] = text.split(':')
  const [rows, rank, columns] = sizes.split('x').map(Number)
  const given = Object.fromEntries(flags.map(flag => flag.split('=')))
  const problem = {
    rule: rule as FitProblem['rule'],
    dtype: dtype as FitProblem['dtype'],
    rows,
    rank,
    columns,
    ...(given.loss === undefined ? {} : { loss: given.loss as Loss }),
    ...(given.nonzeros === undefined ? {} : { nonzeros: Number(given.nonzeros) }),
  }
  const known = ['mu', 'hals', 'pg'].includes(rule) && ['f32', 'f64'].includes(dtype)
  const lossKnown = problem.loss === undefined || problem.loss in LOSSES
  const whole = [rows, rank, columns, problem.nonzeros ?? 1].every(size => Number.isInteger(size) && size >= 1)
  if (known && lossKnown && whole && fitName(problem) === text) return problem
  throw new RangeError(`"${text}" is no fit problem, such as mu:f32:2000x20x1000:loss=kullback-leibler`)
}
