import type { BackendId, Info, Probe } from '../backends/backend.js'
import { BACKEND_IDS, backendOf } from '../backends/registry.js'
import { environment } from '../core/environment.js'
import type { SettingProblem } from '../core/setting-problems.js'

/** What was found of one backend; `reason` and `fix` say why it is absent. */
export interface BackendReport {
  readonly id: BackendId
  readonly available: boolean
  /** Runs on a CPU in place of the hardware it is written for: proves correctness, never speed. */
  readonly emulated: boolean
  readonly reason: string | null
  readonly fix: string | null
  readonly info: Info
  /** Environment variables whose values keep it from opening, unless options go before them. */
  readonly problems: readonly SettingProblem[]
}

const reports = new Map<BackendId, Promise<BackendReport>>()

function absent(
  id: BackendId,
  reason: string,
  fix: string,
  { info = {}, problems = [] }: Pick<Probe, 'info' | 'problems'> = {},
): BackendReport {
  return { id, available: false, emulated: false, reason, fix, info, problems }
}

/** Where a variable keeps a backend from being used. */
function switchedOff(id: BackendId): BackendReport | undefined {
  const variable = `NONNEG_DISABLE_${id.toUpperCase()}`
  return environment(variable) ? absent(id, `switched off by ${variable}`, `unset ${variable}`) : undefined
}

/** Of a backend that cannot be there, which no look at the machine has to tell. */
export function absentAnyway(id: BackendId): BackendReport | undefined {
  const off = switchedOff(id)
  if (off || backendOf(id)) return off
  const inNode = globalThis.process?.versions?.node !== undefined
  return inNode
    ? absent(id, 'native addons are switched off in this process', 'start Node without --no-addons')
    : absent(id, 'not available in a browser', 'use Node for this backend')
}

async function look(id: BackendId): Promise<BackendReport> {
  const nowhere = absentAnyway(id)
  if (nowhere) return nowhere
  const probe = await backendOf(id)!.probe()
  if (!probe.available) return absent(id, probe.reason, probe.fix, probe)
  const { emulated, info, problems = [] } = probe
  return { id, available: true, emulated, reason: null, fix: null, info, problems }
}

/** That of WebGPU on a device that a caller has passed in: nothing is looked for. */
export function reportOnGiven(): BackendReport {
  const found = { available: true, emulated: false, reason: null, fix: null, info: {}, problems: [] } as const
  return switchedOff('webgpu') ?? { id: 'webgpu', ...found }
}

/** The report of one backend; looked up once in a process. */
export function probeBackend(id: BackendId): Promise<BackendReport> {
  let report = reports.get(id)
  if (!report) {
    report = look(id)
    reports.set(id, report)
  }
  return report
}

/** A report for each of the five backends, fastest first, whether present or not. Never rejects. */
export function probeBackends(): Promise<BackendReport[]> {
  return Promise.all(BACKEND_IDS.map(probeBackend))
}
