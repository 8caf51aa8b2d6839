import { expect, it } from 'vitest'
import { deviation, median } from '../../bench/median.js'
import { differs } from '../../bench/statistics.js'

it('takes the middle value, or the mean of the two in the middle', () => {
  expect(median([3])).toBe(3)
  expect(median([9, 1, 5])).toBe(5)
  expect(median([4, 1, 10, 2])).toBe(3)
  expect(() => median([])).toThrow(RangeError)
})

it('measures spread by the median distance, which one interrupted sample does not move', () => {
  expect(deviation([10, 11, 12, 13, 14])).toBe(1)
  expect(deviation([10, 11, 12, 13, 1400])).toBe(1)
})

it('leaves the samples as they were', () => {
  const samples = [3, 1, 2]
  median(samples)
  deviation(samples)
  expect(samples).toEqual([3, 1, 2])
})

it('calls a difference one only where chance does not explain it', () => {
  const around = (middle: number) => Array.from({ length: 11 }, (_, i) => middle + 0.01 * ((i * 7) % 11))
  expect(differs(around(1), around(2))).toBe(true)
  expect(differs(around(1), around(1.005))).toBe(false)
})
