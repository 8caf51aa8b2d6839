import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { NonnegError } from '../core/errors.js'
import type { MatrixInput } from '../core/input.js'
import { fileError } from '../data/staged-file.js'
import type { Frozen } from '../nmf/frozen.js'
import type { OwnStart } from '../nmf/options.js'
import { lineNumbers } from './numbers.js'

type Lines = Float64Array | string

/** Where a fit starts, and what of that stays. */
export interface StartFlags {
  readonly initW?: string
  readonly initH?: string
  readonly frozenComponents?: readonly number[]
  /** Numbers, or the name of a file with numbers. */
  readonly frozenRows?: Lines
  readonly frozenColumns?: Lines
}

/** The start that each part stays as it is in. */
const WANTS = [
  ['frozenComponents', '--frozen-components', 'initH', '--init-h'],
  ['frozenRows', '--frozen-rows', 'initW', '--init-w'],
  ['frozenColumns', '--frozen-columns', 'initH', '--init-h'],
] as const

/** Refuses, in the words of the command line, parts that stay as no file has them. */
export function checkStart(flags: StartFlags, command: Command): void {
  for (const [part, option, start, wanted] of WANTS) {
    if (flags[part] === undefined || flags[start] !== undefined) continue
    command.error(`option '${option}' needs '${wanted} <file>': what stays is as that file has it`)
  }
}

/** Numbers with ranges, or else the name of a file that holds such; digits alone are meant as a list. */
export function linesOrFile(text: string): Lines {
  if (!/^[\d\s,-]*$/.test(text)) return text
  const wanted = 'It must be numbers and ranges such as 0,3-5, or a file with such (./name where digits name it)'
  return lineNumbers(text, 'lines', reason => new InvalidArgumentError(`${wanted}: ${reason}.`))
}

async function linesOf(given: Lines | undefined, lines: 'rows' | 'columns'): Promise<Float64Array | undefined> {
  if (typeof given !== 'string') return given
  let text: string
  try {
    text = await readFile(given, 'utf8')
  } catch (cause) {
    const { message } = fileError('read', given, cause) as Error
    const fix = 'give numbers and ranges such as 0,3-5, or the name of a file with such'
    throw new NonnegError('ERR_NONNEG_FILE', message, { detail: { file: given }, cause, fix })
  }
  return lineNumbers(text, lines, reason => {
    const fix = `list each of the ${lines} once, from 0, such as 0 3 10-19, between blanks, commas or line ends`
    return new NonnegError('ERR_NONNEG_FORMAT', `${given}: ${reason}`, { detail: { file: given }, fix })
  })
}

/** The option `frozen` of a fit; undefined where nothing is to stay. */
export async function frozenOf(flags: StartFlags): Promise<Frozen | undefined> {
  const { frozenComponents: components, frozenRows, frozenColumns } = flags
  const [rows, columns] = [await linesOf(frozenRows, 'rows'), await linesOf(frozenColumns, 'columns')]
  return components || rows || columns ? { components, rows, columns } : undefined
}

/** Stands for a factor that is still to be read: options are checked before large files are. */
const UNREAD: MatrixInput = { data: [], rows: 0, columns: 0 }

/** The option `init` as far as it is known before the files of factors are read. */
export function promisedStart({ initW, initH }: StartFlags): OwnStart | undefined {
  if (initW === undefined && initH === undefined) return undefined
  return { ...(initW !== undefined && { W: UNREAD }), ...(initH !== undefined && { H: UNREAD }) }
}

/** The factors that files hold. */
export async function readStart(
  { initW, initH }: StartFlags,
  read: (file: string) => Promise<MatrixInput>,
): Promise<OwnStart | undefined> {
  if (initW === undefined && initH === undefined) return undefined
  return { ...(initW !== undefined && { W: await read(initW) }), ...(initH !== undefined && { H: await read(initH) }) }
}
