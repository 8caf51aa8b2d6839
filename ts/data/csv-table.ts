import { NonnegError } from '../core/errors.js'
import type { DenseView, FloatArray } from '../core/matrix.js'
import { denseView } from '../core/matrix.js'
import type { LabelledMatrix, TextParseOptions } from './labelled-matrix.js'
import { decimal, excerpt } from './number-text.js'
import { allocate, type Dtype, floats } from './storage.js'

export interface CsvOptions extends TextParseOptions {
  /** Between cells. Default a comma; `readMatrix` takes a tab for .tsv. */
  readonly delimiter?: string
  /** Whether the first line holds the columns' names. Default: looked at, see `parseCsv`. */
  readonly header?: boolean
  /** Whether the first cell of each line is the row's name. Default: looked at, see `parseCsv`. */
  readonly rowLabels?: boolean
}

const BLOCK = 1 << 16

const MISSING = /^(?:[+-]?(?:nan|inf|infinity)|na|n\/a|null|none)?$/i

function isNumber(cell: string): boolean {
  return !Number.isNaN(decimal(cell))
}

/** A cell that is neither a number nor one of the ways to write that a number is missing. */
function isName(cell: string): boolean {
  return !isNumber(cell) && !MISSING.test(cell)
}

interface Layout {
  readonly header: boolean
  readonly rowLabels: boolean
}

/** R's write.table puts no cell above the row names. */
function isCornerless(first: readonly string[], second: readonly string[] | undefined): boolean {
  return second?.length === first.length + 1 && first.every(isName)
}

/** The rule of `parseCsv`, from the first two lines. */
function layoutOf(first: readonly string[], second: readonly string[] | undefined, options: CsvOptions): Layout {
  const rest = first.slice(1)
  const countsUp = rest.every((cell, j) => cell === String(j))
  const namedBelow = second !== undefined && isName(second[0])
  const cornered = first[0] === '' && rest.length > 0 && (countsUp || rest.every(isName) || namedBelow)
  const shorter = isCornerless(first, second)
  const rowLabels =
    options.rowLabels ??
    (second === undefined
      ? isName(first[0]) && rest.some(isNumber)
      : cornered || shorter || (second.length > 1 && isName(second[0]) && !isNumber(first[0])))
  const names = rowLabels && !shorter ? rest : first
  const named = names.some(isName) && names.every(cell => cell === '' || isName(cell))
  return { rowLabels, header: options.header ?? (cornered || shorter || named) }
}

/** Turns the records of a delimited text into a dense matrix, one after the other. */
export class CsvTable {
  readonly #name: string
  readonly #dtype: Dtype
  readonly #options: CsvOptions
  /** The first record, held back until the second shows what the first is. */
  #first: { readonly cells: readonly string[]; readonly line: number } | undefined
  #layout: Layout | undefined
  #columnLabels: readonly string[] | undefined
  readonly #rowLabels: string[] = []
  /** The line that settled how many cells each has. */
  #widthLine = 0
  #width = 0
  #rows = 0
  readonly #blocks: FloatArray[] = []
  #block: FloatArray
  #used = 0

  constructor(name: string, options: CsvOptions) {
    this.#name = name
    this.#options = options
    this.#dtype = options.dtype ?? 'f64'
    this.#block = floats(this.#dtype, BLOCK)
  }

  add(cells: readonly string[], line: number): void {
    if (this.#layout !== undefined) this.#addRow(cells, line)
    else if (this.#first === undefined) this.#first = { cells, line }
    else {
      this.#begin(cells)
      this.#addRow(cells, line)
    }
  }

  *finish(): Generator<void, LabelledMatrix<DenseView>> {
    if (this.#layout === undefined) this.#begin(undefined)
    const columns = this.#rows === 0 ? (this.#columnLabels?.length ?? 0) : this.#width - this.#labelCells
    const length = this.#rows * columns
    const data = allocate(this.#name, () => floats(this.#dtype, length))
    this.#blocks.push(this.#block.subarray(0, this.#used))
    let at = 0
    for (let block = this.#blocks.shift(); block !== undefined; block = this.#blocks.shift()) {
      data.set(block, at)
      at += block.length
      yield
    }
    return {
      matrix: denseView(data, this.#rows, columns),
      ...(this.#layout?.rowLabels ? { rowLabels: this.#rowLabels } : {}),
      ...(this.#columnLabels ? { columnLabels: this.#columnLabels } : {}),
    }
  }

  get #labelCells(): number {
    return this.#layout?.rowLabels ? 1 : 0
  }

  #begin(second: readonly string[] | undefined): void {
    const first = this.#first
    if (first === undefined) throw new NonnegError('ERR_NONNEG_FORMAT', `${this.#name} is empty`, this.#at())
    this.#layout = layoutOf(first.cells, second, this.#options)
    if (!this.#layout.header) {
      this.#addRow(first.cells, first.line)
      return
    }
    this.#columnLabels = isCornerless(first.cells, second) ? first.cells : first.cells.slice(this.#labelCells)
    this.#widthLine = first.line
    this.#width = this.#columnLabels.length + this.#labelCells
  }

  #addRow(cells: readonly string[], line: number): void {
    if (this.#widthLine === 0) {
      this.#widthLine = line
      this.#width = cells.length
    }
    if (cells.length !== this.#width) {
      const message = `${cells.length} cells, where line ${this.#widthLine} asks for ${this.#width}`
      throw new NonnegError('ERR_NONNEG_FORMAT', `${this.#name}, line ${line}: ${message}`, this.#at(line))
    }
    let column = 0
    if (this.#layout?.rowLabels) this.#rowLabels.push(cells[column++])
    for (; column < cells.length; column++) {
      const cell = cells[column]
      const value = decimal(cell)
      const stored = this.#dtype === 'f32' ? Math.fround(value) : value
      if (!Number.isFinite(stored)) throw this.#refuse(cell, value, line, column + 1)
      if (this.#used === BLOCK) {
        this.#blocks.push(this.#block)
        this.#block = floats(this.#dtype, BLOCK)
        this.#used = 0
      }
      this.#block[this.#used++] = value
    }
    this.#rows++
  }

  #at(line?: number, column?: number, text?: string): { detail: Record<string, unknown> } {
    return { detail: { file: this.#name, line, column, text } }
  }

  #refuse(cell: string, value: number, line: number, column: number): NonnegError {
    const what = Number.isNaN(value) ? 'is not a number' : `is too large for ${this.#dtype}`
    const message = cell === '' ? 'the cell is empty' : `${excerpt(cell)} ${what}`
    const delimiter = this.#options.delimiter ?? ','
    const other = [',', ';', '\t'].find(candidate => candidate !== delimiter && cell.includes(candidate))
    let fix: string | undefined
    if (other !== undefined)
      fix = `cells are cut at ${excerpt(delimiter)} here; readMatrix also takes delimiter: ${excerpt(other)}`
    else if (this.#rows === 0)
      fix = 'names are seen in a first line or column without numbers; readMatrix also takes header and rowLabels'
    else if (MISSING.test(cell)) fix = 'fill in or leave out what is missing; 0 is a value like any other'
    return new NonnegError('ERR_NONNEG_FORMAT', `${this.#name}, line ${line}, column ${column}: ${message}`, {
      ...this.#at(line, column, cell),
      fix,
    })
  }
}
