import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { NonnegError } from '../core/errors.js'
import type { MatrixInput } from '../core/input.js'
import { fileError } from '../data/staged-file.js'
import type { Frozen } from '../nmf/frozen.js'
import type { OwnStart } from '../nmf/options.js'
import { rangesIn } from './numbers.js'

/** Where a fit starts, and what of that stays. */
export interface StartFlags {
  readonly initW?: string
  readonly initH?: string
  readonly frozenComponents?: readonly number[]
  /** Numbers, or the name of a file with numbers. */
  readonly frozenRows?: readonly number[] | string
  readonly frozenColumns?: readonly number[] | string
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

/** Numbers with ranges, or else the name of a file that holds such. */
export function linesOrFile(text: string): number[] | string {
  return rangesIn(text) ?? text
}

async function linesOf(given: readonly number[] | string | undefined): Promise<readonly number[] | undefined> {
  if (typeof given !== 'string') return given
  let text: string
  try {
    text = await readFile(given, 'utf8')
  } catch (cause) {
    const { message } = fileError('read', given, cause) as Error
    const fix = 'give numbers and ranges such as 0,3-5, or the name of a file with such'
    throw new NonnegError('ERR_NONNEG_FILE', message, { detail: { file: given }, cause, fix })
  }
  return text
    .split(/[\s,]+/)
    .filter(part => part !== '')
    .flatMap(part => {
      const lines = rangesIn(part)
      if (lines) return lines
      throw new NonnegError('ERR_NONNEG_FORMAT', `${given}: "${part.slice(0, 60)}" is no whole number and no range`, {
        detail: { file: given, value: part },
        fix: 'list numbers from 0, such as 0 3 10-19, between blanks, commas or line ends',
      })
    })
}

/** The option `frozen` of a fit; undefined where nothing is to stay. */
export async function frozenOf(flags: StartFlags): Promise<Frozen | undefined> {
  const { frozenComponents: components, frozenRows, frozenColumns } = flags
  const [rows, columns] = [await linesOf(frozenRows), await linesOf(frozenColumns)]
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
