import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Random } from '../../../ts/core/random.js'
import { averageLinkage, pairIndex, type Tree } from '../../../ts/nmf/rank/average-linkage.js'

interface Case {
  readonly distances: number[]
  readonly sizes: number[]
  readonly heights: number[]
  readonly cophenetic: number
  readonly groupedHeights: number[]
  readonly groupedCophenetic: number
}

const golden: { cases: Case[] } = JSON.parse(readFileSync('test/nmf/rank/average-linkage.golden.json', 'utf8'))

function treeOf(distances: readonly number[], sizes: readonly number[]): { tree: Tree; steps: number } {
  const work = averageLinkage(Float32Array.from(distances), sizes)
  for (let steps = 0; ; steps++) {
    const step = work.next()
    if (step.done) return { tree: step.value, steps }
  }
}

function expectClose(found: ArrayLike<number>, wanted: readonly number[]): void {
  const sorted = Array.from(found).sort((a, b) => a - b)
  expect(sorted).toHaveLength(wanted.length)
  // distances are float32
  for (const [at, height] of sorted.entries()) expect(height / wanted[at]).toBeCloseTo(1, 6)
}

/** Both given and cophenetic distances written out, and Pearson's correlation of them. */
function bruteCophenetic(given: readonly number[], points: number): number {
  const clusters = Array.from({ length: points }, (_, i) => [i])
  const between = (A: number[], B: number[]) => {
    const all = A.flatMap(a => B.map(b => given[pairIndex(points, Math.min(a, b), Math.max(a, b))]))
    return all.reduce((sum, d) => sum + d, 0) / all.length
  }
  const met = new Array<number>(given.length).fill(0)
  while (clusters.length > 1) {
    let [best, at, other] = [Number.POSITIVE_INFINITY, 0, 0]
    for (let a = 0; a < clusters.length; a++) {
      for (let b = a + 1; b < clusters.length; b++) {
        const d = between(clusters[a], clusters[b])
        if (d < best) [best, at, other] = [d, a, b]
      }
    }
    for (const a of clusters[at]) {
      for (const b of clusters[other]) met[pairIndex(points, Math.min(a, b), Math.max(a, b))] = best
    }
    clusters[at].push(...clusters[other])
    clusters.splice(other, 1)
  }
  const mean = (list: readonly number[]) => list.reduce((sum, x) => sum + x, 0) / list.length
  const [g, m] = [mean(given), mean(met)]
  const dot = (x: readonly number[], a: number, y: readonly number[], b: number) =>
    x.reduce((sum, value, p) => sum + (value - a) * (y[p] - b), 0)
  return dot(given, g, met, m) / Math.sqrt(dot(given, g, given, g) * dot(met, m, met, m))
}

describe('average linkage', () => {
  it.each(golden.cases.map((one, at) => [at, one] as const))('is that of SciPy, case %i', (_, one) => {
    const { tree } = treeOf(one.distances, new Array(one.heights.length + 1).fill(1))
    expectClose(tree.heights, one.heights)
    expect(tree.cophenetic).toBeCloseTo(one.cophenetic, 6)
  })

  it.each(golden.cases.map((one, at) => [at, one] as const))('takes points of many members, case %i', (_, one) => {
    const { tree } = treeOf(one.distances, one.sizes)
    expectClose(tree.heights, one.groupedHeights)
    expect(tree.cophenetic).toBeCloseTo(one.groupedCophenetic, 6)
  })

  it('has the correlation that all pairs written out have', () => {
    const random = new Random(3)
    for (const points of [4, 9, 30]) {
      const distances = Array.from({ length: (points * (points - 1)) / 2 }, () => Math.fround(random.uniform()))
      const { tree } = treeOf(distances, new Array(points).fill(1))
      expect(tree.cophenetic).toBeCloseTo(bruteCophenetic(distances, points), 6)
    }
  })

  it('is 1 where all distances are equal, and where there is one point', () => {
    expect(treeOf([0.3, 0.3, 0.3], [1, 1, 1]).tree.cophenetic).toBe(1)
    expect(treeOf([0.3], [1, 1]).tree.cophenetic).toBe(1)
    expect(treeOf([], [5]).tree).toEqual({ heights: new Float64Array(0), cophenetic: 1 })
    // two levels: the tree says them exactly
    expect(treeOf([0, 1, 1, 1, 1, 0], [1, 1, 1, 1]).tree.cophenetic).toBe(1)
  })

  it('ends among equal distances, and in many steps', () => {
    const random = new Random(4)
    const points = 200
    const distances = Array.from({ length: (points * (points - 1)) / 2 }, () => random.below(4) / 4)
    const { tree, steps } = treeOf(distances, new Array(points).fill(1))
    expect(tree.heights).toHaveLength(points - 1)
    expect(tree.cophenetic).toBeGreaterThan(0)
    expect(tree.cophenetic).toBeLessThan(1)
    expect(steps).toBeGreaterThan(points)
  })
})
