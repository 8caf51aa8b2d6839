import { describe, expect, it } from 'vitest'
import { Random } from '../../../ts/core/random.js'
import { agreement, assignments, sampledRows } from '../../../ts/nmf/rank/consensus.js'

function done<T>(work: Generator<void, T>): T {
  for (;;) {
    const step = work.next()
    if (step.done) return step.value
  }
}

describe('assignments', () => {
  it('do not depend on the scale between W and H', () => {
    // sample 0 has the larger entry in component 0, and the larger part in component 1
    const W = Float64Array.of(2, 1, 3, 0, 0, 5, 0, 0)
    const H = Float64Array.of(0.1, 0.2, 3, 4)
    const samples = Uint32Array.of(0, 1, 2, 3)
    const found = done(assignments({ W, H }, 2, samples))
    expect([...found]).toEqual([1, 0, 1, 2])
    const scaled = { W: W.map((w, at) => (at % 2 ? w * 8 : w / 4)), H: H.map((h, at) => (at < 2 ? h * 4 : h / 8)) }
    expect(done(assignments(scaled, 2, samples))).toEqual(found)
    expect([...done(assignments({ W, H }, 2, Uint32Array.of(1, 2)))]).toEqual([0, 1])
  })
})

describe('sampled rows', () => {
  it('are all where there are few', () => {
    expect([...done(sampledRows(4, 4, 1))]).toEqual([0, 1, 2, 3])
  })

  it('are drawn by the seed, ascending, each once', () => {
    const rows = done(sampledRows(5000, 100, 1))
    expect(rows).toHaveLength(100)
    expect(new Set(rows).size).toBe(100)
    expect([...rows]).toEqual([...rows].sort((a, b) => a - b))
    expect(rows[99]).toBeLessThan(5000)
    // half of them in either half, but for five standard deviations
    expect(Math.abs(rows.filter(row => row < 2500).length - 50)).toBeLessThan(25)
    expect(done(sampledRows(5000, 100, 1))).toEqual(rows)
    expect(done(sampledRows(5000, 100, 2))).not.toEqual(rows)
  })
})

describe('agreement', () => {
  it('is whole where fits differ in the names of the components alone', () => {
    const first = Uint32Array.of(0, 0, 1, 2, 2, 1, 0)
    const renamed = first.map(label => (label + 1) % 3)
    expect(done(agreement([first, renamed, first]))).toEqual({ cophenetic: 1, dispersion: 1 })
  })

  it('has the dispersion of the whole matrix written out', () => {
    const random = new Random(8)
    const n = 40
    const fits = Array.from({ length: 7 }, () =>
      Uint32Array.from({ length: n }, (_, i) => (random.below(3) === 0 ? random.below(3) : i % 3)),
    )
    let sum = 0
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) {
        const together = fits.filter(fit => fit[i] === fit[j]).length / fits.length
        sum += 4 * (together - 0.5) ** 2
      }
    }
    const { cophenetic, dispersion } = done(agreement(fits))
    expect(dispersion).toBeCloseTo(sum / n ** 2, 12)
    expect(cophenetic).toBeGreaterThan(0.5)
    expect(cophenetic).toBeLessThan(1)
  })

  it('falls with chance', () => {
    const random = new Random(9)
    const noisy = (share: number) =>
      Array.from({ length: 10 }, () =>
        Uint32Array.from({ length: 60 }, (_, i) => (random.uniform() < share ? random.below(4) : i % 4)),
      )
    const [little, much] = [0.1, 0.8].map(share => done(agreement(noisy(share))))
    expect(little.dispersion).toBeGreaterThan(much.dispersion)
    expect(little.cophenetic).toBeGreaterThan(much.cophenetic)
  })
})
