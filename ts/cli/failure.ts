import { type Command, CommanderError } from 'commander'
import { type ErrorCode, NonnegError } from '../core/errors.js'
import { inFlags } from './flag-words.js'
import { paint } from './text.js'

/** What the user asked for or handed in was wrong; everything else failed on the way. */
const BAD_INPUT: readonly ErrorCode[] = [
  'ERR_NONNEG_SHAPE',
  'ERR_NONNEG_NEGATIVE',
  'ERR_NONNEG_ZERO',
  'ERR_NONNEG_NOT_FINITE',
  'ERR_NONNEG_DTYPE',
  'ERR_NONNEG_RANK',
  'ERR_NONNEG_OPTION',
  'ERR_NONNEG_UNSUPPORTED',
  'ERR_NONNEG_FORMAT',
  'ERR_NONNEG_FILE',
]

/** Their messages quote files, and name no option of the API. */
const QUOTING: readonly ErrorCode[] = ['ERR_NONNEG_FORMAT', 'ERR_NONNEG_FILE']

/** Commander's way of saying that it has printed help or the version, as asked. */
function isAnswer(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0
}

/** 0 done, 1 failed, 2 bad usage or bad input. */
export function exitCodeOf(error: unknown): 0 | 1 | 2 {
  if (isAnswer(error)) return 0
  if (error instanceof CommanderError) return 2
  return error instanceof NonnegError && BAD_INPUT.includes(error.code) ? 2 : 1
}

interface Complaint {
  readonly message: string
  readonly fix?: string | undefined
}

function complaintOf(error: unknown, command: Command | undefined): Complaint {
  if (error instanceof CommanderError) {
    const [message, suggestion] = error.message.replace(/^error: /, '').split('\n')
    return { message, fix: suggestion?.replace(/^\((.*)\)$/, '$1') ?? 'nonneg help [command] shows the usage' }
  }
  if (error instanceof NonnegError) {
    // a command that shows what there is when it is interrupted says so itself
    const isSaid = error.detail.kept === true
    if (error.code === 'ERR_NONNEG_ABORTED' && !isSaid) return { message: 'interrupted, nothing was written' }
    if (QUOTING.includes(error.code)) return error
    const usage =
      error.code === 'ERR_NONNEG_OPTION' && command ? `nonneg help ${command.name()} shows the usage` : undefined
    return { message: inFlags(error.message, command), fix: error.fix ? inFlags(error.fix, command) : usage }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { message: `unexpected: ${message}`, fix: 'this is a mistake in nonneg; please report it with the command' }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]
}

/**
 * Tells standard error what went wrong and what mends it, a line each.
 * @param command the command that failed, whose flags are named; undefined where it is none of ours
 */
export function report(error: unknown, command: Command | undefined): void {
  // Commander has written the help itself by then.
  if (isAnswer(error) || (error instanceof CommanderError && error.code === 'commander.help')) return
  const { message, fix } = complaintOf(error, command)
  const lines = [`${paint('red', 'nonneg:', process.stderr)} ${firstLine(message)}`]
  if (fix) lines.push(`${paint('bold', 'fix:', process.stderr)} ${firstLine(fix)}`)
  process.stderr.write(`${lines.join('\n')}\n`)
}
