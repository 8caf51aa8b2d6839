import { expect } from 'vitest'

// vitest compares typed arrays property by property, which took as long as computing many of them. Those with the same bytes
// are equal at once; all others are left to vitest, which has its rules for NaN and says where they differ.

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength)

expect.addEqualityTesters([
  (a: unknown, b: unknown): true | undefined => {
    if (!ArrayBuffer.isView(a) || !ArrayBuffer.isView(b) || a.constructor !== b.constructor) return undefined
    return Buffer.compare(bytesOf(a), bytesOf(b)) === 0 || undefined
  },
])
