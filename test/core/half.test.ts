import { describe, expect, it } from 'vitest'
import { halfBits, halfValue, LARGEST_HALF } from '../../ts/core/half.js'

describe('half precision', () => {
  it('gives every number back, and rounds what is between two to the nearer, halves to even', () => {
    let former = 0
    for (let bits = 1; bits < 0x7c00; bits++) {
      const value = halfValue(bits)
      expect(value).toBeGreaterThan(former)
      const middle = (former + value) / 2
      const found = [value, middle, middle * (1 - 2 ** -20), middle * (1 + 2 ** -20)].map(halfBits)
      // one comparison, as there are many
      if (found.join() !== [bits, bits - (bits % 2), bits - 1, bits].join()) expect([bits, found]).toBe('the nearest')
      former = value
    }
    expect(former).toBe(LARGEST_HALF)
  })

  it('takes zero, what is too large, and what is no number', () => {
    expect([0, 2 ** -26, 65519.99, 65520, 1e30, Number.POSITIVE_INFINITY].map(halfBits)).toEqual([
      0, 0, 0x7bff, 0x7c00, 0x7c00, 0x7c00,
    ])
    expect([0x7c00, halfBits(Number.NaN)].map(halfValue)).toEqual([Number.POSITIVE_INFINITY, Number.NaN])
  })
})
