import { type BackendReport, type CsrInput, type Factorization, factorize, probeBackends } from 'nonneg'

/** What one backend made of the same problem and seed, or why it did not run. */
export interface Result {
  readonly report: BackendReport
  readonly fit: Factorization | undefined
  /** Seconds of the iterations alone, and of the whole call. */
  readonly iterating: number
  readonly whole: number
  readonly problem: string | undefined
}

async function runOne(report: BackendReport, X: CsrInput, rank: number, iterations: number): Promise<Result> {
  const absent = { report, fit: undefined, iterating: Number.NaN, whole: Number.NaN }
  if (!report.available) return { ...absent, problem: report.reason ?? 'absent' }
  try {
    // the solver that every backend has
    const options = { rank, seed: 1, tolerance: 0, solver: 'mu', backend: report.id } as const
    // the first fit opens workers and devices and lets them compile
    await factorize(X, { ...options, maxIterations: 2 })
    const fit = await factorize(X, { ...options, maxIterations: iterations })
    return { report, fit, iterating: fit.history.at(-1)!.seconds, whole: fit.seconds, problem: undefined }
  } catch (error) {
    return { ...absent, problem: error instanceof Error ? error.message : String(error) }
  }
}

/** The same factorisation on every backend, one after another, fastest first. */
export async function race(
  X: CsrInput,
  rank: number,
  iterations: number,
  onResult: (result: Result) => void,
): Promise<Result[]> {
  const results: Result[] = []
  for (const report of await probeBackends()) {
    const result = await runOne(report, X, rank, iterations)
    results.push(result)
    onResult(result)
  }
  return results
}
