import { crc32, deflateSync, inflateSync } from 'node:zlib'

/** A picture of opaque pixels, three bytes each: red, green, blue. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
/** Bytes of a pixel by PNG's colour types; screenshots are truecolour, with or without alpha. */
const CHANNELS: Readonly<Record<number, number>> = { 2: 3, 6: 4 }

/** Alan Paeth's predictor: of left, above and upper left the one nearest to left + above − upper left. */
function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)]
  if (a <= b && a <= c) return left
  return b <= c ? above : corner
}

/** What a filter of PNG predicts of a byte (PNG specification, third edition, section 9.2). */
function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter === 0) return 0
  if (filter === 1) return left
  if (filter === 2) return above
  if (filter === 3) return (left + above) >> 1
  if (filter === 4) return paeth(left, above, corner)
  throw new Error(`PNG has no filter ${filter}`)
}

/** Takes the filters of the rows back, in place. */
function unfilter(rows: Uint8Array, rowBytes: number, channels: number): void {
  for (let begin = 0; begin < rows.length; begin += rowBytes + 1) {
    const filter = rows[begin]
    if (filter === 0) continue
    for (let p = begin + 1; p <= begin + rowBytes; p++) {
      const isFirst = p - begin <= channels
      const left = isFirst ? 0 : rows[p - channels]
      const above = begin === 0 ? 0 : rows[p - rowBytes - 1]
      const corner = isFirst || begin === 0 ? 0 : rows[p - rowBytes - 1 - channels]
      rows[p] += predicted(filter, left, above, corner)
    }
  }
}

/** Reads a PNG as browsers write screenshots: 8 bits a channel, not interlaced. Alpha is left out. */
export function decodePng(file: Buffer): Picture {
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new Error('not a PNG')
  const [width, height] = [file.readUInt32BE(16), file.readUInt32BE(20)]
  const channels = CHANNELS[file[25]]
  if (file[24] !== 8 || channels === undefined || file[28] !== 0) throw new Error('not a PNG as screenshots are')
  const parts: Buffer[] = []
  for (let at = 8; at < file.length; at += 12 + file.readUInt32BE(at)) {
    const length = file.readUInt32BE(at)
    if (file.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(file.subarray(at + 8, at + 8 + length))
  }
  const rows = inflateSync(Buffer.concat(parts))
  const rowBytes = width * channels
  unfilter(rows, rowBytes, channels)
  const pixels = new Uint8Array(width * height * 3)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = y * (rowBytes + 1) + 1; x < width; x++, from += channels, to += 3) {
      // one by one: views of three bytes would be a million of them
      pixels[to] = rows[from]
      pixels[to + 1] = rows[from + 1]
      pixels[to + 2] = rows[from + 2]
    }
  }
  return { width, height, pixels }
}

function chunk(name: string, content: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), content])
  const ends = Buffer.alloc(8)
  ends.writeUInt32BE(content.length, 0)
  ends.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)])
}

/** The picture as a PNG whose rows are not filtered. */
export function encodePng({ width, height, pixels }: Picture): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const rows = new Uint8Array(height * (width * 3 + 1))
  for (let y = 0; y < height; y++) {
    rows.set(pixels.subarray(y * width * 3, (y + 1) * width * 3), y * (width * 3 + 1) + 1)
  }
  const content = deflateSync(rows, { level: 9 })
  return Buffer.concat([SIGNATURE, chunk('IHDR', header), chunk('IDAT', content), chunk('IEND', new Uint8Array(0))])
}
