import { inBytes } from '../backends/memory.js'
import { BACKEND_IDS } from '../backends/registry.js'
import type { Refusal } from '../engine/ranking.js'
import type { Factorization } from '../nmf/factorize.js'
import { brief, count, paint, seconds } from './text.js'

type Told = Omit<Factorization, 'W' | 'H' | 'history' | 'plan' | 'explain' | 'checkpoint'>

/** What `nonneg fit --json` prints: what a factorisation says of itself, and of what and where to. */
export interface FitResult extends Told {
  readonly version: string
  readonly file: string
  readonly rows: number
  readonly columns: number
  readonly nonzeros: number
  /** Whether the file held a sparse matrix. */
  readonly sparse: boolean
  readonly rank: number
  readonly threads: number
  /** Backends that could not or may not do it, and why. */
  readonly refusals: readonly Refusal[]
  readonly files: { readonly W: string; readonly H: string }
}

const REACHED = { gain: 'converged', violation: 'at the projected gradient asked for', target: 'at the loss asked for' }

function stopped({ reason, criterion, iterations, seconds: time }: FitResult): string {
  const spent = `${count(iterations)} iteration${iterations === 1 ? '' : 's'}, ${seconds(time)}`
  if (reason === 'converged') return `${REACHED[criterion ?? 'gain']} after ${spent}`
  if (reason === 'time-budget') return `out of time after ${spent}`
  return `after ${spent}, all that --max-iterations allows`
}

function backendLine({ backend, emulated, refusals, threads }: FitResult): string {
  const onCpu = backend === 'native' || backend === 'wasm'
  const name = emulated ? `${backend}, emulated on the CPU` : onCpu ? `${backend}, ${threads} threads` : backend
  const faster = BACKEND_IDS.slice(0, BACKEND_IDS.indexOf(backend))
  const missed = refusals.filter(({ id, isNotLookedFor }) => faster.includes(id) && !isNotLookedFor).map(({ id }) => id)
  return missed.length === 0 ? name : `${name} (not ${missed.join(', ')}: see nonneg doctor)`
}

/** What the backend had no room for as a whole, which is what such a fit mostly waits for. */
function streamsLine({ panels, staying, bytesPerIteration }: NonNullable<FitResult['streams']>): string {
  return `X in ${count(panels)} panels, ${count(staying)} of which stay: ${inBytes(bytesPerIteration)} an iteration`
}

/** The result for people: one fact a line. */
export function summary(result: FitResult): string {
  const { rows, columns, rank, nonzeros, files, streams, deadComponents: dead } = result
  const share = rows * columns === 0 ? 0 : (100 * nonzeros) / (rows * columns)
  const lines: [string, string][] = [
    ['matrix', `${count(rows)} × ${count(columns)}, ${count(nonzeros)} non-zeros (${brief(share)} %)`],
    ['error', `${brief(100 * result.relativeError)} % of ‖X‖, loss ${brief(result.loss)}`],
    ['stopped', stopped(result)],
    ['solver', result.solver],
    ['backend', backendLine(result)],
    ...(streams ? [['streams', streamsLine(streams)] as [string, string]] : []),
    ['W', `${count(rows)} × ${count(rank)}  ${files.W}`],
    ['H', `${count(rank)} × ${count(columns)}  ${files.H}`],
  ]
  if (dead.length > 0) lines.splice(2, 0, ['unused', `${dead.length} of ${rank} components add nothing to W·H`])
  return lines.map(([name, text]) => `${paint('dim', name.padEnd(9), process.stdout)}${text}\n`).join('')
}
