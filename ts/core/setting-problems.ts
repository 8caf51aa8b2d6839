import { NonnegError } from './errors.js'

/** A setting of the environment that is of no use as it is, and what mends it. */
export interface SettingProblem {
  readonly reason: string
  readonly fix: string | null
}

/** What checks of settings complain of. */
export function problemsIn(checks: readonly (() => unknown)[]): readonly SettingProblem[] {
  return checks.flatMap(check => {
    try {
      check()
      return []
    } catch (error) {
      if (!(error instanceof NonnegError)) throw error
      return [{ reason: error.message, fix: error.fix ?? null }]
    }
  })
}
