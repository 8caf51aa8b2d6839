import { afterEach, describe, expect, it } from 'vitest'
import type { Backend, Fit, Weights } from '../../../ts/backends/backend.js'
import { referenceBackend } from '../../../ts/backends/reference/backend.js'
import { registerBackends } from '../../../ts/backends/registry.js'
import { chooseRank, closeDevices } from '../../../ts/index.js'

const given: (Weights | undefined)[] = []
let most = 0
const bytes = () => process.memoryUsage().arrayBuffers

/** Stands in for a device: takes any problem and does none of the work, but keeps the weights that it was given. */
const idle: Backend = {
  id: 'cuda',
  probe: async () => ({ available: true, emulated: false, info: {} }),
  open: async () => {
    const device = await referenceBackend.open()
    return Object.assign(Object.create(device), {
      backend: 'cuda',
      createFit: async ({ weights, W, H }: Parameters<typeof device.createFit>[0]): Promise<Fit> => {
        given.push(weights)
        most = Math.max(most, bytes())
        const losses = Float64Array.of(1)
        const run: Fit['run'] = async () => {
          return { iterations: 1, losses, violations: losses, seconds: losses, stopped: 'done' }
        }
        return {
          run,
          runBatches: () => run(1),
          evaluate: async () => 1,
          factors: async () => ({ W: W.data, H: H.data }),
          setFactors: async () => {},
          [Symbol.asyncDispose]: async () => {},
        }
      },
      [Symbol.asyncDispose]: async () => {},
    })
  },
}

afterEach(closeDevices)

describe('cross-validation of a wide sparse X', () => {
  // 40 MB as float32, and as a mask of that type
  const [rows, columns] = [100, 100_000]
  const indptr = Uint32Array.from({ length: rows + 1 }, (_, i) => i)
  const indices = Uint32Array.from({ length: rows }, (_, i) => (i * 397) % columns)
  const X = { indptr, indices, values: new Float32Array(rows).fill(1), rows, columns }

  it('stores neither X, nor the model, nor a mask', async () => {
    registerBackends([idle])
    const before = bytes()
    const { table, masks } = await chooseRank(X, {
      ranks: [2],
      replicates: 2,
      backend: 'cuda',
      maxIterations: 1,
      tolerance: 0,
    })
    expect(table[0].values).toHaveLength(2)
    expect(most - before).toBeLessThan(10e6)
    const [first, second] = masks.map(({ holdout, seed }) => ({ kind: 'holdout', fraction: holdout, seed }))
    expect(given).toEqual(
      [
        { ...first, complement: false },
        { ...first, complement: true },
        { ...second, complement: false },
        { ...second, complement: true },
      ].sort(byFold(second.seed)),
    )
    // the error is the loss, 1 here, of one held-out entry in about a million
    for (const value of table[0].values) expect(value * 0.1 * rows * columns).toBeCloseTo(1, 2)
  })
})

/** The last replicate is fitted first. */
function byFold(first: number | undefined) {
  return (a: { seed?: number }, b: { seed?: number }) => Number(b.seed === first) - Number(a.seed === first)
}
