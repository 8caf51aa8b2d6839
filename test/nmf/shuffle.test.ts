import { expect, it } from 'vitest'
import { batchOrder, placesOf, rowOrder } from '../../ts/nmf/shuffle.js'

function all<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

const ascending = (order: Uint32Array) => Array.from(order).sort((a, b) => a - b)
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

it('orders of rows and batches have every number once', () => {
  for (const count of [1, 2, 7, 40_000]) {
    expect(ascending(all(rowOrder(count, 5)))).toEqual(numbers(count))
    expect(ascending(all(batchOrder(count, 5, 3)))).toEqual(numbers(count))
  }
  const order = all(rowOrder(100, 1))
  expect(Array.from(placesOf(order), place => order[place])).toEqual(numbers(100))
})

it('they differ by seed, and those of batches by pass', () => {
  expect(all(rowOrder(50, 1))).toEqual(all(rowOrder(50, 1)))
  expect(all(rowOrder(50, 1))).not.toEqual(all(rowOrder(50, 2)))
  expect(all(batchOrder(50, 1, 4))).toEqual(all(batchOrder(50, 1, 4)))
  expect(all(batchOrder(50, 1, 4))).not.toEqual(all(batchOrder(50, 2, 4)))
  expect(all(batchOrder(50, 1, 4))).not.toEqual(all(batchOrder(50, 1, 5)))
})

it('every order of three is as likely as the others', () => {
  const counts = new Map<string, number>()
  for (let pass = 0; pass < 6000; pass++) {
    const order = all(batchOrder(3, 9, pass)).join()
    counts.set(order, (counts.get(order) ?? 0) + 1)
  }
  expect(counts.size).toBe(6)
  // five standard deviations of 1000
  for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(833))
})
