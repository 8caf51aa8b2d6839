const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1
  return rest >>> 0
})

const PIECE = 1 << 18

/** The CRC-32 of zip and PNG (ISO 3309) of some pieces, one after the other. */
export function* crc32(pieces: readonly Uint8Array[]): Generator<void, number> {
  let rest = 0xffffffff
  for (const bytes of pieces) {
    for (let from = 0; from < bytes.length; from += PIECE) {
      const end = Math.min(bytes.length, from + PIECE)
      for (let i = from; i < end; i++) rest = TABLE[(rest ^ bytes[i]) & 0xff] ^ (rest >>> 8)
      yield
    }
  }
  return (rest ^ 0xffffffff) >>> 0
}
