/** Every failure that this package reports on purpose carries one of these codes. */
export type ErrorCode =
  | 'ERR_NONNEG_SHAPE'
  | 'ERR_NONNEG_NEGATIVE'
  | 'ERR_NONNEG_ZERO'
  | 'ERR_NONNEG_NOT_FINITE'
  | 'ERR_NONNEG_DTYPE'
  | 'ERR_NONNEG_RANK'
  | 'ERR_NONNEG_OPTION'
  | 'ERR_NONNEG_UNSUPPORTED'
  | 'ERR_NONNEG_NO_BACKEND'
  | 'ERR_NONNEG_BACKEND'
  | 'ERR_NONNEG_DEVICE_LOST'
  | 'ERR_NONNEG_DIVERGED'
  | 'ERR_NONNEG_MEMORY'
  | 'ERR_NONNEG_ABORTED'
  | 'ERR_NONNEG_DISPOSED'
  | 'ERR_NONNEG_NOT_FITTED'
  | 'ERR_NONNEG_FORMAT'
  | 'ERR_NONNEG_FILE'

export interface ErrorDetails {
  /** Facts a program can read: the place, the value, the limit. */
  detail?: Readonly<Record<string, unknown>>
  /** A sentence or a command that helps. */
  fix?: string
  cause?: unknown
}

/** The one error class of the package; `code` is stable, `message` is for people. */
export class NonnegError extends Error {
  readonly code: ErrorCode
  readonly detail: Readonly<Record<string, unknown>>
  readonly fix: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'NonnegError'
    this.code = code
    this.detail = details.detail ?? {}
    this.fix = details.fix
  }
}

/** The error of an aborted call; its cause is the signal's reason. */
export function abortError(signal: AbortSignal): NonnegError {
  return new NonnegError('ERR_NONNEG_ABORTED', 'aborted by the caller', { cause: signal.reason })
}

/** Values of a list that a message shows. */
const SHOWN = 8

/** Any value as a message shows it: text in quotes, short lists, objects by their kind, since they may refuse to become text. */
export function inWords(value: unknown): string {
  if (typeof value === 'string') return `"${value}"`
  if (Array.isArray(value) && value.length <= SHOWN) {
    return `[${value.map(each => (Array.isArray(each) ? '…' : inWords(each))).join(', ')}]`
  }
  return typeof value === 'object' && value !== null ? Object.prototype.toString.call(value) : String(value)
}
