import { describe, expect, it } from 'vitest'
import { philox4x32, Random } from '../../ts/core/random.js'

describe('philox4x32-10', () => {
  // known answers of the authors' Random123 library
  it.each([
    ['00000000 00000000 00000000 00000000', '00000000 00000000', '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    ['ffffffff ffffffff ffffffff ffffffff', 'ffffffff ffffffff', '408f276d 41c83b0e a20bc7c6 6d5451fd'],
    ['243f6a88 85a308d3 13198a2e 03707344', 'a4093822 299f31d0', 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('counter %s, key %s', (counter, key, expected) => {
    const numbers = (text: string) => Uint32Array.from(text.split(' '), word => Number.parseInt(word, 16))
    const out = new Uint32Array(4)
    philox4x32(numbers(counter), numbers(key), out)
    expect(out).toEqual(numbers(expected))
  })
})

describe('Random', () => {
  it('draws the same numbers for the same seed and stream, and others for another', () => {
    const draw = (seed: number, stream?: number) => {
      const random = new Random(seed, stream)
      return Array.from({ length: 9 }, () => random.bits())
    }
    expect(draw(3)).toEqual(draw(3))
    expect(draw(3)).not.toEqual(draw(4))
    expect(draw(3, 1)).not.toEqual(draw(3, 2))
    expect(draw(3 + 2 ** 32)).not.toEqual(draw(3))
  })

  it('is uniform in (0, 1) and exact in f32', () => {
    const random = new Random(1)
    let sum = 0
    let squares = 0
    const count = 200_000
    for (let i = 0; i < count; i++) {
      const u = random.uniform()
      if (!(u > 0 && u < 1) || Math.fround(u) !== u) throw new Error(`${u} is out of range`)
      sum += u
      squares += u * u
    }
    // five standard errors
    expect(Math.abs(sum / count - 1 / 2)).toBeLessThan((5 * Math.sqrt(1 / 12)) / Math.sqrt(count))
    expect(Math.abs(squares / count - 1 / 3)).toBeLessThan((5 * Math.sqrt(4 / 45)) / Math.sqrt(count))
  })

  it('fills arrays with the draws that come one by one', () => {
    for (const [before, begin, end] of [
      [0, 0, 0],
      [0, 2, 19],
      [3, 0, 1],
      [1, 1, 12],
      [2, 0, 64],
    ]) {
      const [one, other] = [new Random(7, 3), new Random(7, 3)]
      for (let i = 0; i < before; i++) expect(one.uniform()).toBe(other.uniform())
      const filled = new Float64Array(70).fill(-1)
      one.fill(filled, begin, end, 0.5)
      const wanted = Array.from({ length: 70 }, (_, i) => (i >= begin && i < end ? 0.5 * other.uniform() : -1))
      expect(Array.from(filled)).toEqual(wanted)
      expect(one.uniform()).toBe(other.uniform())
    }
  })
})
