import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { SLOT } from '../../ts/backends/webgpu/family.js'
import { MOMENTUM_LENGTH } from '../../ts/backends/webgpu/holds.js'
import { BINDINGS } from '../../ts/backends/webgpu/pipelines.js'
import { collapses, csrPanels, csrParts, densePanels, misfit, padded, partsOf } from '../../ts/backends/webgpu/plan.js'
import type { CsrView } from '../../ts/core/matrix.js'
import { dense, sparse } from './plain.js'

const ROOM = {
  ...{ bindingBytes: 2 ** 27, memoryBytes: 2 ** 40, busyThreads: 65_536 },
  ...{ parallel: false, gramReads: 2 ** 24, tileBytes: 2 ** 26, modelValues: 128, fusedRank: 0, near: 1 },
}

describe('the plan of a WebGPU fit', () => {
  it('pads to multiples of four', () => {
    expect([1, 4, 5, 0].map(padded)).toEqual([4, 4, 8, 0])
  })

  it('keeps the numbers of extrapolation where their shader does', () => {
    const text = readFileSync('shaders/momentum.wgsl', 'utf8')
    const constant = (name: string) => Number(new RegExp(`^const ${name} = (\\d+);`, 'm').exec(text)?.[1])
    // the sums of a slot, and the second halves of these, behind the numbers
    expect(MOMENTUM_LENGTH).toBe(constant('SUMS') + 2 * constant('LOW'))
    expect(constant('STANDS')).toBeLessThan(constant('SUMS'))
    expect(SLOT).toMatchObject({ low: constant('LOW'), stands: constant('ACCEPTED') })
  })

  it('cuts sums into parts that cover every term, none of them empty', () => {
    for (const [length, tiles, threads] of [
      [1, 1, 65_536],
      [63, 1, 65_536],
      [64, 1, 65_536],
      [65, 1, 65_536],
      [1000, 16, 65_536],
      [1_000_003, 64, 65_536],
      [5000, 70_000, 65_536],
    ]) {
      const { count, step } = partsOf(length, tiles, threads)
      expect(step % 4).toBe(0)
      expect(count * step).toBeGreaterThanOrEqual(length)
      expect((count - 1) * step).toBeLessThan(length)
      expect(count).toBeLessThanOrEqual(256)
    }
    expect(partsOf(1000, 16, 65_536).count).toBeGreaterThan(8)
    expect(partsOf(1000, 70_000, 65_536).count).toBe(1)
    expect(partsOf(60, 1, 65_536).count).toBe(1)
  })

  it('adds Gram parts first where an update would read them too often', () => {
    expect(collapses(1, 1e7, 64, ROOM)).toBe(false)
    expect(collapses(31, 1000, 32, ROOM)).toBe(false)
    expect(collapses(31, 1_000_000, 32, ROOM)).toBe(true)
    expect([1, 2].map(parts => collapses(parts, 10, 4, { ...ROOM, parallel: true }))).toEqual([false, true])
  })

  it('cuts dense rows into panels that fit, the first the tallest', () => {
    for (const [rows, rowBytes, bytes, unit] of [
      [1, 16, 16, 1],
      [97, 144, 144 * 23, 1],
      [100, 32, 32 * 100, 1],
      [101, 32, 32 * 100, 1],
      [101, 32, 32 * 100, 16],
      [7, 32, 32 * 100, 16],
      [109, 192, 192 * 47, 16],
    ]) {
      const panels = densePanels(rows, rowBytes, bytes, unit)
      let next = 0
      for (const { first, count } of panels) {
        expect(first).toBe(next)
        expect(count).toBeGreaterThan(0)
        expect(count).toBeLessThanOrEqual(panels[0].count)
        expect(count * rowBytes).toBeLessThanOrEqual(bytes)
        expect(first % unit).toBe(0)
        next += count
      }
      expect(next).toBe(rows)
    }
    expect(densePanels(101, 32, 32 * 100)).toHaveLength(2)
  })

  it('cuts sparse rows into panels whose entries fit', () => {
    for (const X of [sparse(90, 120, 0.1), sparse(40, 3, 0), sparse(1, 64, 1)]) {
      const panels = csrPanels(X, 120 * 4)
      let next = 0
      for (const { first, count } of panels) {
        expect(first).toBe(next)
        expect(count).toBeGreaterThan(0)
        expect(X.indptr[first + count] - X.indptr[first]).toBeLessThanOrEqual(120)
        expect(count + 1).toBeLessThanOrEqual(120)
        next += count
      }
      expect(next).toBe(X.rows)
    }
    expect(csrPanels(sparse(90, 120, 0.1), 120 * 4).length).toBeGreaterThan(3)
    expect(csrPanels(sparse(90, 120, 0.1), 2 ** 20)).toHaveLength(1)
  })

  it('cuts sparse rows into pieces where threads are few or one row is long', () => {
    const rows = (X: CsrView, longest: number) => ({ rows: X.rows, entries: X.indptr[X.rows], longest })
    const X = sparse(300, 207, 0.3)
    expect(csrParts(rows(X, 207), 8, ROOM)).toBe(7)
    expect(csrParts(rows(X, 207), 8, { ...ROOM, busyThreads: 256 })).toBe(1)
    expect(csrParts(rows(X, 100_000), 8, { ...ROOM, busyThreads: 256 })).toBe(16)
    expect(csrParts(rows(sparse(3, 4, 0), 0), 4, ROOM)).toBe(1)
  })

  it('has kernels that every WebGPU device takes: eight storage buffers at most', () => {
    for (const [name, { reads, writes }] of Object.entries(BINDINGS))
      expect(reads + writes, name).toBeLessThanOrEqual(8)
  })

  it('names what does not fit', () => {
    expect(misfit(dense(8, 8), 4, 'gram', ROOM)).toBeUndefined()
    expect(misfit(dense(8, 8), 4, 'gram', { ...ROOM, bindingBytes: 64 })).toMatch(/^W \(8 × 4/)
    expect(misfit(dense(2, 32), 1, 'gram', { ...ROOM, bindingBytes: 128 })).toMatch(/^H /)
    expect(misfit(sparse(3, 1100, 1), 1, 'gram', { ...ROOM, bindingBytes: 2 ** 15 })).toBeUndefined()
  })
})
