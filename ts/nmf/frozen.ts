import { checkNames, refuse, whole } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import type { InitName, OwnStart } from './options.js'

/** Parts of the factors that stay as the caller's start has them. */
export interface Frozen {
  /** Components whose rows of H stay as `init.H` has them. */
  readonly components?: ArrayLike<number>
  /** Rows of X whose rows of W stay as `init.W` has them. */
  readonly rows?: ArrayLike<number>
  /** Columns of X whose columns of H stay as `init.H` has them. */
  readonly columns?: ArrayLike<number>
}

/** Components alone, or any parts. */
export type FrozenInput = readonly number[] | Frozen

/** The parts by name, checked as far as they can be without X. */
export interface ResolvedFrozen {
  /** Ascending, none twice. */
  readonly components: readonly number[]
  /** As they were given; absent where there are none. */
  readonly rows: ArrayLike<number> | undefined
  readonly columns: ArrayLike<number> | undefined
}

/** Rows of W and columns of H that stay, ascending, none twice; absent where there are none. */
export interface FrozenLines {
  readonly rows: Uint32Array | undefined
  readonly columns: Uint32Array | undefined
}

const PARTS = ['components', 'rows', 'columns'] as const

/** The factor that each part is of. */
const FACTOR_OF = { components: 'H', rows: 'W', columns: 'H' } as const

/** Entries between two looks at the clock. */
const PIECE = 1 << 14

function isList(value: unknown): value is ArrayLike<number> {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}

function partsOf(given: unknown): Frozen {
  if (isList(given)) return { components: given }
  if (typeof given !== 'object' || given === null) {
    throw refuse('frozen', given, 'a list of components, or { components, rows, columns }')
  }
  checkNames(given, PARTS, 'part of frozen')
  return given
}

/** Whether the option, as yet unchecked, names anything. */
export function hasFrozen(given: unknown): boolean {
  if (given === undefined) return false
  return Object.values(partsOf(given)).some(list => !isList(list) || list.length > 0)
}

/**
 * @param given the option as it came
 * @param start where the factors come from; `'resumed'`: from a checkpoint
 * @throws NonnegError ERR_NONNEG_OPTION for what is no list, components that are not there, parts without a start
 */
export function resolveFrozen(given: unknown, rank: number, start: InitName | OwnStart | 'resumed'): ResolvedFrozen {
  if (given === undefined) return { components: [], rows: undefined, columns: undefined }
  const parts = partsOf(given)
  const some = (name: (typeof PARTS)[number]): ArrayLike<number> | undefined => {
    const list: unknown = parts[name]
    if (list === undefined) return undefined
    if (!isList(list)) throw refuse(`frozen.${name}`, list, `a list of ${name}`)
    if (list.length === 0) return undefined
    const factor = FACTOR_OF[name]
    if (start === 'resumed' || (typeof start !== 'string' && start[factor] !== undefined)) return list
    const message = `frozen ${name} stay as init.${factor} has them, and there is no init.${factor}`
    const more = { detail: { option: 'frozen' }, fix: `give init: { ${factor} }` }
    throw new NonnegError('ERR_NONNEG_OPTION', message, more)
  }
  const components = Array.from(some('components') ?? [])
  for (const [at, component] of components.entries()) whole(`frozen.components[${at}]`, component, 0, rank - 1)
  return {
    components: [...new Set(components)].sort((a, b) => a - b),
    rows: some('rows'),
    columns: some('columns'),
  }
}

/** A list in order, as a list of that kind of lines of X. */
function* linesOf(
  name: 'rows' | 'columns',
  given: ArrayLike<number> | undefined,
  length: number,
): Generator<void, Uint32Array | undefined> {
  if (given === undefined) return undefined
  const stays = new Uint8Array(length)
  let count = 0
  for (let at = 0; at < given.length; at++) {
    const line = given[at]
    if (!(Number.isInteger(line) && line >= 0 && line < length)) whole(`frozen.${name}[${at}]`, line, 0, length - 1)
    count += 1 - stays[line]
    stays[line] = 1
    if (at % PIECE === PIECE - 1) yield
  }
  const lines = new Uint32Array(count)
  for (let line = 0, at = 0; line < length; line++) {
    if (stays[line] === 1) lines[at++] = line
    if (line % PIECE === PIECE - 1) yield
  }
  return lines
}

/**
 * Rows and columns that stay, held against the sizes of X.
 * @throws NonnegError ERR_NONNEG_OPTION for those that are not there, and where nothing of either factor would move
 */
export function* frozenLines(
  { components, rows, columns }: ResolvedFrozen,
  X: { readonly rows: number; readonly columns: number },
  rank: number,
): Generator<void, FrozenLines> {
  const lines = { rows: yield* linesOf('rows', rows, X.rows), columns: yield* linesOf('columns', columns, X.columns) }
  const isWholeH = components.length === rank || lines.columns?.length === X.columns
  if (lines.rows?.length !== X.rows || !isWholeH) return lines
  throw new NonnegError('ERR_NONNEG_OPTION', 'frozen: all of W and all of H would stay, and there is nothing to fit', {
    detail: { option: 'frozen' },
    fix: 'leave some rows, columns or components free',
  })
}

/** Lines in words that tell them from others: 0-99,105. */
export function* rangesOf(lines: Uint32Array | undefined): Generator<void, string | undefined> {
  if (lines === undefined) return undefined
  const ranges: string[] = []
  for (let at = 0; at < lines.length; ) {
    const first = at
    while (lines[at + 1] === lines[at] + 1) at++
    ranges.push(first === at ? String(lines[first]) : `${lines[first]}-${lines[at]}`)
    at++
    if (ranges.length % PIECE === 0) yield
  }
  return ranges.join()
}
