import type { Line, Row } from '../schema.js'
import { CASES, NEVER_ABOVE, WANTED_FROBENIUS } from './cases.js'
import { BY_AUTO, COLD } from './entrants.js'
import type { CaseResult, ObjectiveResults } from './schema.js'

type Measured = Pick<ObjectiveResults, 'rows' | 'cases'>

const isMeasured = (row: Row) => row.status === 'measured'

/** The warm row of `auto`. */
export function autoRow({ rows }: Pick<Measured, 'rows'>, problem: string): Row | undefined {
  return rows.find(row => row.problem === problem && row.backend === 'nonneg' && row.variant.endsWith(BY_AUTO))
}

/** The first fit of a process. */
export function coldRow({ rows }: Pick<Measured, 'rows'>, problem: string): Row | undefined {
  return rows.find(row => row.problem === problem && row.backend === 'nonneg' && row.variant === COLD)
}

/** scikit-learn's fastest. */
export function peerRow({ rows }: Pick<Measured, 'rows'>, problem: string): Row | undefined {
  const own = rows.filter(row => row.problem === problem && row.backend === 'scikit-learn' && isMeasured(row))
  return own.sort((a, b) => a.median! - b.median!)[0]
}

/** `auto`'s share of scikit-learn's time; infinite where it never gets there, undefined where nobody measured. */
export function shareOf(results: Measured, { problem }: Pick<CaseResult, 'problem'>): number | undefined {
  const [ours, peer] = [autoRow(results, problem), peerRow(results, problem)]
  if (!ours || !peer) return undefined
  if (ours.status === 'failed') return Number.POSITIVE_INFINITY
  return isMeasured(ours) ? ours.median! / peer.median! : undefined
}

export const showShare = (share: number) => (Number.isFinite(share) ? share.toPrecision(2) : 'never there')

function line(id: string, what: string, target: string, measured: string | undefined, isMet: boolean): Line {
  if (measured === undefined) return { id, what, target, measured: 'not measured', status: 'not measured' }
  return { id, what, target, measured, status: isMet ? 'pass' : 'short' }
}

/** The table of goals as these results fill it. */
export function objectiveLines(results: Measured): Line[] {
  const races = CASES.map(one => {
    const found = results.cases.find(({ data, loss }) => data === one.data && loss === one.loss)
    return { ...one, share: found && shareOf(results, found) }
  })
  const frobenius = races.filter(({ loss }) => loss === 'frobenius')
  const shares = frobenius.flatMap(({ share }) => (share === undefined ? [] : [share]))
  const isComplete = shares.length === frobenius.length
  const quick = frobenius.filter(({ share, goal }) => share !== undefined && share <= goal).length
  const slowest = Math.max(...shares)
  const wanted = `${WANTED_FROBENIUS} of ${frobenius.length}`
  const found = `${quick} of ${frobenius.length}`
  return [
    line('a fifth', 'Frobenius: at most 0.2', wanted, isComplete ? found : undefined, quick >= WANTED_FROBENIUS),
    line(
      'never above',
      'Frobenius: the largest share',
      `≤ ${NEVER_ABOVE}`,
      isComplete ? showShare(slowest) : undefined,
      slowest <= NEVER_ABOVE,
    ),
    ...races
      .filter(({ loss }) => loss !== 'frobenius')
      .map(({ data, title, loss, goal, share }) => {
        const measured = share === undefined ? undefined : showShare(share)
        return line(`${data} ${loss}`, `${title}, ${loss}`, `≤ ${goal}`, measured, share !== undefined && share <= goal)
      }),
  ]
}
