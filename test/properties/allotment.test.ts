import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { FitSpec, Rule, Weights } from '../../ts/backends/backend.js'
import { totalBytes } from '../../ts/backends/memory.js'
import { allotmentOf, type Limits, memoryWithin } from '../../ts/backends/webgpu/residency.js'
import type { DenseView, MatrixView } from '../../ts/core/matrix.js'

// by their sizes alone: nobody looks at an entry

function denseOf(rows: number, columns: number): DenseView {
  return { kind: 'dense', data: new Float32Array(0), rows, columns, stride: columns, offset: 0 }
}

function matrixOf(kind: MatrixView['kind'], rows: number, columns: number, entries: number): MatrixView {
  if (kind === 'dense') return denseOf(rows, columns)
  const indptr = new Uint32Array(rows + 1).fill(entries, 1)
  return { kind, rows, columns, indptr, indices: new Uint32Array(0), values: new Float32Array(0) }
}

const problems = fc
  .record({
    kind: fc.constantFrom<MatrixView['kind']>('dense', 'csr'),
    rows: fc.integer({ min: 1, max: 300_000 }),
    columns: fc.integer({ min: 1, max: 20_000 }),
    share: fc.double({ min: 0.001, max: 0.1, noNaN: true }),
    rank: fc.integer({ min: 1, max: 128 }),
    beta: fc.constantFrom(2, 1, 0.5),
    rule: fc.constantFrom<Rule>('mu', 'hals', 'pg'),
    weighted: fc.constantFrom('none', 'dense', 'holdout'),
    half: fc.boolean(),
    batches: fc.boolean(),
    extrapolate: fc.boolean(),
    fixed: fc.boolean(),
  })
  .map(({ kind, rows, columns, share, weighted, half, batches, fixed, ...rest }) => {
    const X = matrixOf(kind, rows, columns, Math.floor(rows * columns * share))
    const isOfBatches = batches && rest.rule === 'mu' && !fixed
    const spec: FitSpec = {
      ...{ ...rest, dtype: 'f32', batches: isOfBatches, extrapolate: rest.extrapolate && !isOfBatches },
      ...{ storage: half && kind === 'dense' ? 'f16' : undefined, fixed: fixed ? 'H' : undefined },
    }
    const weights: Weights | undefined =
      weighted === 'none'
        ? undefined
        : weighted === 'dense'
          ? denseOf(rows, columns)
          : { kind: 'holdout', fraction: 0.1, seed: 1 }
    return { X, spec, weights }
  })

const limitsOf = (memoryBytes: number): Limits => ({
  ...{ memoryBytes, bindingBytes: 2 ** 31, tileBytes: 2 ** 26, busyThreads: 65_536 },
})

it('what fits are allotted stays within their memory, and what has no room is told how much it would take', () => {
  fc.assert(
    fc.property(problems, fc.double({ min: 0, max: 2, noNaN: true }), ({ X, spec, weights }, share) => {
      const whole = totalBytes(memoryWithin(X, spec, weights, limitsOf(Number.POSITIVE_INFINITY)))
      const limits = limitsOf(Math.max(1, Math.floor(share * whole)))
      const memory = memoryWithin(X, spec, weights, limits)
      const own = allotmentOf(X, spec, weights, limits)
      if (own) {
        expect(totalBytes(memory)).toBeLessThanOrEqual(limits.memoryBytes)
        if (memory.streams) expect(own.residency).toBeDefined()
        expect(own.tileBytes).toBeGreaterThan(0)
      } else {
        const needed = Math.ceil(totalBytes(memory))
        expect(needed).toBeGreaterThan(limits.memoryBytes)
        expect(allotmentOf(X, spec, weights, limitsOf(needed))).toBeDefined()
      }
    }),
  )
})

it('more memory never sends more', () => {
  fc.assert(
    fc.property(problems, fc.double({ min: 0.05, max: 1, noNaN: true }), ({ X, spec, weights }, share) => {
      const whole = totalBytes(memoryWithin(X, spec, weights, limitsOf(Number.POSITIVE_INFINITY)))
      const [less, more] = [share, 1.5 * share].map(part => {
        const limits = limitsOf(Math.max(1, Math.floor(part * whole)))
        return allotmentOf(X, spec, weights, limits) && memoryWithin(X, spec, weights, limits)
      })
      if (!less) return
      expect(more).toBeDefined()
      const sent = (memory: typeof less) => memory.streams?.bytesPerIteration ?? 0
      // panels are as large as there is room for, so that another one of them may have none
      expect(sent(more!)).toBeLessThanOrEqual(1.25 * sent(less))
    }),
  )
})
