import { NonnegError } from '../core/errors.js'
import { joined } from './byte-source.js'

/** Longer lines are a sign of binary data; holding one must not fill the memory. */
const LONGEST_LINE = 1 << 20

const LF = 10
const CR = 13

/**
 * Cuts bytes that arrive in pieces into lines that end in LF, CR LF or CR, without making strings:
 * `push(piece)`, then `next()` while it says true; the line is `bytes[start .. end)`. After the last piece, `finish()`
 * makes an unended last line readable.
 */
export class LineReader {
  bytes: Uint8Array = new Uint8Array(0)
  start = 0
  end = 0
  /** The current line's number, from 1. */
  line = 0
  readonly #name: string
  #position = 0
  /** Where the last whole line in `bytes` ends. */
  #whole = 0

  constructor(name: string) {
    this.#name = name
  }

  push(piece: Uint8Array): void {
    const first = this.line === 0 && this.#whole === 0
    this.bytes = joined(this.bytes.subarray(this.#whole), piece)
    if (first && this.bytes[0] === 0xef && this.bytes[1] === 0xbb && this.bytes[2] === 0xbf) {
      this.bytes = this.bytes.subarray(3)
    }
    this.#position = 0
    let last = this.bytes.length - 1
    // A CR at the very end may be half of a CR LF, so it ends no line yet.
    if (this.bytes[last] === CR) last--
    while (last >= 0 && this.bytes[last] !== LF && this.bytes[last] !== CR) last--
    this.#whole = last + 1
    if (this.bytes.length - this.#whole > LONGEST_LINE) {
      throw new NonnegError('ERR_NONNEG_FORMAT', `${this.#name}: a line is longer than ${LONGEST_LINE} bytes`, {
        detail: { file: this.#name },
        fix: 'check that this is a text file',
      })
    }
  }

  finish(): void {
    const rest = this.bytes.subarray(this.#whole)
    this.bytes = rest.length === 0 ? rest : joined(rest, Uint8Array.of(LF))
    this.#position = 0
    this.#whole = this.bytes.length
  }

  next(): boolean {
    if (this.#position === this.#whole) return false
    const bytes = this.bytes
    let p = this.#position
    this.start = p
    while (bytes[p] !== LF && bytes[p] !== CR) p++
    this.end = p
    this.#position = bytes[p] === CR && bytes[p + 1] === LF ? p + 2 : p + 1
    this.line++
    return true
  }
}
