import { inSlices } from '../core/breathe.js'
import type { ErrorCode } from '../core/errors.js'
import { NonnegError } from '../core/errors.js'
import type { FloatArray, MatrixView } from '../core/matrix.js'
import { denseView } from '../core/matrix.js'
import type { ByteSource, Inflate } from './byte-source.js'
import { pieces } from './byte-source.js'
import { CoordinateList } from './coordinate-list.js'
import type { LabelledMatrix, TextParseOptions } from './labelled-matrix.js'
import { LineReader } from './line-reader.js'
import { excerpt, parseDecimal, textOf } from './number-text.js'
import type { Dtype } from './storage.js'
import { allocate, floats, LARGEST_SIZE } from './storage.js'

interface Banner {
  readonly format: 'coordinate' | 'array'
  readonly pattern: boolean
  readonly symmetric: boolean
}

const BLANK = 32
const PERCENT = 37

/** More rows or columns than this, 2²⁴, need at least one entry to 64 of them: a few bytes shall not claim all memory. */
const SURELY_SANE = 2 ** 24
const EMPTIEST = 64

const FIELDS = ['real', 'double', 'integer', 'unsigned-integer', 'pattern']

/**
 * Parses the MatrixMarket exchange format (R. F. Boisvert, R. Pozo, K. A. Remington, NISTIR 5935, 1996) line by line.
 * Coordinate files become CSR, array files stay dense. Fed in pieces, so that no more of the text is held than one line.
 */
class MatrixMarketParser {
  readonly #name: string
  readonly #dtype: Dtype
  readonly #lines: LineReader
  #banner: Banner | undefined
  #entry: (() => void) | undefined
  #rows = 0
  #columns = 0
  /** Entry lines that the size line promises, and those read. */
  #promised = 0
  #read = 0
  readonly #list: CoordinateList
  #dense: FloatArray = new Float32Array(0)
  /** The place of the next entry of an array file. */
  #i = 0
  #j = 0
  #cursor = 0

  constructor(name: string, dtype: Dtype) {
    this.#name = name
    this.#dtype = dtype
    this.#lines = new LineReader(name)
    this.#list = new CoordinateList(dtype)
  }

  push(piece: Uint8Array): void {
    this.#lines.push(piece)
    this.#parseLines()
  }

  async finish(signal?: AbortSignal): Promise<MatrixView> {
    this.#lines.finish()
    this.#parseLines()
    if (this.#entry === undefined) {
      const missing = this.#banner === undefined ? 'is empty' : 'ends before its size line'
      throw this.#error('ERR_NONNEG_FORMAT', `${this.#name} ${missing}`)
    }
    if (this.#read !== this.#promised) {
      const message = `${this.#name} promises ${this.#promised} entries and holds ${this.#read}`
      throw this.#error('ERR_NONNEG_FORMAT', message, 'the file seems to be cut short; fetch or write it again')
    }
    if (this.#banner?.format === 'array') return denseView(this.#dense, this.#rows, this.#columns)
    return inSlices(this.#list.toCsr(this.#name, this.#rows, this.#columns), signal)
  }

  #error(code: ErrorCode, message: string, fix?: string, line?: number, text?: string): NonnegError {
    return new NonnegError(code, message, { detail: { file: this.#name, line, text }, fix })
  }

  /** An error at the current line. */
  #refuse(what: string, code: ErrorCode = 'ERR_NONNEG_FORMAT', fix?: string): NonnegError {
    const { line, bytes, start, end } = this.#lines
    const text = textOf(bytes, start, end)
    return this.#error(code, `${this.#name}, line ${line}: ${what} in ${excerpt(text)}`, fix, line, text)
  }

  #parseLines(): void {
    const lines = this.#lines
    while (lines.next()) {
      const { bytes, end } = lines
      let p = lines.start
      while (p < end && bytes[p] <= BLANK) p++
      if (this.#banner === undefined) this.#parseBanner()
      else if (p === end || bytes[p] === PERCENT) continue
      else {
        this.#cursor = p
        if (this.#entry === undefined) this.#parseSizes()
        else {
          if (this.#read === this.#promised) throw this.#refuse(`more than the promised ${this.#promised} entries,`)
          this.#read++
          this.#entry()
          this.#expectEnd()
        }
      }
    }
  }

  #parseBanner(): void {
    const { bytes, start, end } = this.#lines
    const words = textOf(bytes, start, end).trim().toLowerCase().split(/\s+/)
    const [mark, object, format, field, symmetry] = words
    if (mark !== '%%matrixmarket') {
      throw this.#refuse(
        'no MatrixMarket header',
        'ERR_NONNEG_FORMAT',
        'the first line must read like "%%MatrixMarket matrix coordinate real general"',
      )
    }
    const coordinate = format === 'coordinate'
    if (object !== 'matrix') throw this.#refuse(`an object that is not a matrix`, 'ERR_NONNEG_UNSUPPORTED')
    if (!coordinate && format !== 'array') throw this.#refuse('a format that is not coordinate or array')
    if (field === 'complex') {
      throw this.#refuse('complex entries', 'ERR_NONNEG_UNSUPPORTED', 'only real matrices can be factorised')
    }
    if (!FIELDS.includes(field)) throw this.#refuse('a field that is not real, integer or pattern')
    if (field === 'pattern' && !coordinate) throw this.#refuse('an array without values')
    if (symmetry === 'skew-symmetric' || symmetry === 'hermitian') {
      const fix = 'write the matrix with the symmetry "general"'
      throw this.#refuse(`the symmetry ${symmetry}`, 'ERR_NONNEG_UNSUPPORTED', fix)
    }
    if (symmetry !== 'general' && symmetry !== 'symmetric') throw this.#refuse('an unknown symmetry')
    if (words.length > 5) throw this.#refuse('more than five words')
    this.#banner = { format, pattern: field === 'pattern', symmetric: symmetry === 'symmetric' }
  }

  #parseSizes(): void {
    const { format, pattern, symmetric } = this.#banner!
    this.#rows = this.#parseCount()
    this.#columns = this.#parseCount()
    if (format === 'coordinate') this.#promised = this.#parseCount()
    this.#expectEnd()
    if (this.#rows > LARGEST_SIZE || this.#columns > LARGEST_SIZE || this.#promised > LARGEST_SIZE) {
      throw this.#refuse(`more than ${LARGEST_SIZE} rows, columns or entries`, 'ERR_NONNEG_UNSUPPORTED')
    }
    if (format === 'coordinate' && Math.max(this.#rows, this.#columns) > SURELY_SANE + EMPTIEST * this.#promised) {
      const sizes = `${this.#promised} entries for ${this.#rows} rows and ${this.#columns} columns`
      throw this.#refuse(sizes, 'ERR_NONNEG_FORMAT', 'see whether the size line is that of this file')
    }
    if (symmetric && this.#rows !== this.#columns) throw this.#refuse('a symmetric matrix that is not square')
    if (format === 'coordinate') {
      this.#entry = () => this.#parseTriple(pattern)
      return
    }
    this.#promised = symmetric ? (this.#rows * (this.#rows + 1)) / 2 : this.#rows * this.#columns
    this.#dense = allocate(this.#name, () => floats(this.#dtype, this.#rows * this.#columns))
    this.#entry = this.#parseArrayEntry
  }

  #skipBlanks(): void {
    const { bytes, end } = this.#lines
    while (this.#cursor < end && bytes[this.#cursor] <= BLANK) this.#cursor++
  }

  #expectEnd(): void {
    this.#skipBlanks()
    if (this.#cursor !== this.#lines.end) throw this.#refuse('too many numbers')
  }

  /** A whole number without a sign. */
  #parseCount(): number {
    this.#skipBlanks()
    const { bytes, end } = this.#lines
    let p = this.#cursor
    let value = 0
    for (; p < end && bytes[p] > BLANK; p++) {
      const digit = bytes[p] - 48
      if (digit < 0 || digit > 9) throw this.#refuse('not a whole number')
      value = value * 10 + digit
    }
    if (p === this.#cursor) throw this.#refuse('too few numbers')
    this.#cursor = p
    return value
  }

  #parseValue(): number {
    this.#skipBlanks()
    const { bytes, end } = this.#lines
    const start = this.#cursor
    let p = start
    while (p < end && bytes[p] > BLANK) p++
    this.#cursor = p
    if (p === start) throw this.#refuse('too few numbers')
    const value = parseDecimal(bytes, start, p)
    const stored = this.#dtype === 'f32' ? Math.fround(value) : value
    if (Number.isFinite(stored)) return value
    if (Number.isNaN(value)) throw this.#refuse(`${excerpt(textOf(bytes, start, p))} is not a number`)
    throw this.#refuse(`${excerpt(textOf(bytes, start, p))} is too large for ${this.#dtype}`)
  }

  #parseTriple(pattern: boolean): void {
    const row = this.#parseCount()
    const column = this.#parseCount()
    if (row < 1 || row > this.#rows) throw this.#refuse(`row ${row} is not one of 1 … ${this.#rows}`)
    if (column < 1 || column > this.#columns) throw this.#refuse(`column ${column} is not one of 1 … ${this.#columns}`)
    const value = pattern ? 1 : this.#parseValue()
    const mirrored = this.#banner!.symmetric && row !== column
    if (mirrored && column > row) throw this.#refuse('an entry above the diagonal of a symmetric matrix')
    if (value === 0) return
    this.#list.push(row - 1, column - 1, value)
    if (mirrored) this.#list.push(column - 1, row - 1, value)
  }

  /** Array files hold column after column, symmetric ones only from the diagonal down. */
  #parseArrayEntry(): void {
    const value = this.#parseValue()
    this.#dense[this.#i * this.#columns + this.#j] = value
    if (this.#banner!.symmetric) this.#dense[this.#j * this.#columns + this.#i] = value
    if (++this.#i === this.#rows) {
      this.#j++
      this.#i = this.#banner!.symmetric ? this.#j : 0
    }
  }
}

/**
 * Reads a MatrixMarket matrix, gzipped or not: coordinate files become CSR with ascending columns in every row, array
 * files dense. Fields real, integer and pattern (all ones); general and symmetric (lower triangle in the file, whole
 * matrix in the result). Duplicate entries are added up, explicit zeros dropped.
 * @throws NonnegError ERR_NONNEG_FORMAT naming the line, ERR_NONNEG_UNSUPPORTED for complex, Hermitian and
 * skew-symmetric matrices, ERR_NONNEG_MEMORY, ERR_NONNEG_ABORTED
 */
export async function parseMatrixMarket(
  source: ByteSource,
  options: TextParseOptions & { readonly inflate?: Inflate } = {},
): Promise<LabelledMatrix> {
  const { name = 'MatrixMarket data', dtype = 'f64', signal, inflate } = options
  const parser = new MatrixMarketParser(name, dtype)
  for await (const piece of pieces(source, name, signal, inflate)) parser.push(piece)
  return { matrix: await parser.finish(signal) }
}
