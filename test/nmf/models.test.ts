import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Checkpoint, factorize, type HistoryEntry, MiniBatchNMF, NMF } from '../../ts/node.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'

const backend = 'reference'
const X = denseMatrix(60, 25)
const sparse = sparseMatrix(70, 41, 25)
const init = { W: denseMatrix(60, 3), H: denseMatrix(3, 25) }

/** Some rows of X. */
function rowsOf(first: number, end: number) {
  return { data: X.data.slice(first * 25, end * 25), rows: end - first, columns: 25 }
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'nonneg-models-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('NMF', () => {
  it('says how much of X it explains, and transforms within a budget of its own, from a W of one’s own', async () => {
    const model = await new NMF({ rank: 6, backend, maxIterations: 150 }).fit(X)
    const { relativeError, W } = model.result
    const score = await model.score(X, { tolerance: 0 })
    expect(score).toBeGreaterThan(1 - relativeError ** 2 - 1e-3)
    expect(score).toBeLessThanOrEqual(1)
    let iterations = 0
    await model.transform(X, { maxIterations: 3, tolerance: 0, onProgress: () => iterations++ })
    expect(iterations).toBe(3)
    // one iteration from the W of the fit leaves it nearly where it was, from a constant it does not
    const options = { maxIterations: 1, tolerance: 0 }
    const [near, far] = [await model.transform(X, { ...options, W }), await model.transform(X, options)]
    const off = (F: typeof W) => Array.from(F.data).reduce((sum, value, i) => sum + (value - W.data[i]) ** 2, 0)
    expect(off(near)).toBeLessThan(off(far) / 10)
  })

  it('is the same after it was saved and loaded', async () => {
    const file = path.join(folder, 'model.safetensors')
    const model = await new NMF({ rank: 4, loss: 'kullback-leibler', alphaH: 0.01, seed: 3, backend }).fit(X)
    await model.save(file)
    const loaded = await NMF.load(file)
    expect(loaded).toBeInstanceOf(NMF)
    expect(loaded.options).toEqual(model.options)
    expect(loaded.components).toEqual(model.components)
    expect(await loaded.transform(X)).toEqual(await model.transform(X))
    expect(() => loaded.result).toThrow(expect.objectContaining({ code: 'ERR_NONNEG_NOT_FITTED' }))
  })

  it('refuses damaged files, whatever bit was lost', async () => {
    const bytes = await (await new NMF({ rank: 2, backend, maxIterations: 2 }).fit(X)).toBytes()
    const damaged = [bytes.slice(0, 5), bytes.slice(0, -1), new Uint8Array(0), new Uint8Array([...bytes, 0])]
    // a bit in every part: length, header, padding, data
    for (let at = 0; at < bytes.length; at += 7) damaged.push(bytes.map((byte, i) => (i === at ? byte ^ 4 : byte)))
    for (const [i, other] of damaged.entries()) {
      await expect(NMF.fromBytes(other), `damage ${i}`).rejects.toMatchObject({ code: 'ERR_NONNEG_FORMAT' })
    }
    await writeFile(path.join(folder, 'other'), await readFile(new URL('../../package.json', import.meta.url)))
    await expect(NMF.load(path.join(folder, 'other'))).rejects.toMatchObject({ code: 'ERR_NONNEG_FORMAT' })
    await expect(NMF.load(path.join(folder, 'none'))).rejects.toMatchObject({ code: 'ERR_NONNEG_FILE' })
    const checkpoint = (await factorize(X, { rank: 2, backend, maxIterations: 2 })).checkpoint()
    await expect(NMF.fromBytes(await checkpoint.toBytes())).rejects.toMatchObject({
      code: 'ERR_NONNEG_FORMAT',
      message: expect.stringMatching(/checkpoint/),
    })
  })

  it('keeps its components when a fit fails', async () => {
    const model = await new NMF({ rank: 2, backend }).fit(X)
    const { components } = model
    await expect(model.fit({ data: Float32Array.of(-1), rows: 1, columns: 1 })).rejects.toThrow()
    await expect(model.partialFit({ data: Float32Array.of(1), rows: 1, columns: 1 })).rejects.toMatchObject({
      code: 'ERR_NONNEG_SHAPE',
    })
    expect(model.components).toBe(components)
  })
})

describe('models', () => {
  it('refuse rows that float32 cannot hold beside their components', async () => {
    const model = await new NMF({ rank: 3, backend }).fit(X)
    const far = { ...X, data: Float64Array.from(X.data, value => value * 1e58) }
    await expect(model.transform(far)).rejects.toMatchObject({ code: 'ERR_NONNEG_DTYPE' })
  })

  it('refuse what their verbs do not have', async () => {
    const model = await new NMF({ rank: 3, backend, frozen: [0], init: { H: denseMatrix(3, 25) } }).fit(X)
    const refused = { code: 'ERR_NONNEG_OPTION' }
    await expect(model.transform(X, { rank: 2 } as object)).rejects.toMatchObject(refused)
    await expect(model.partialFit(X)).rejects.toMatchObject(refused)
    const ofRows = new NMF({ rank: 3, backend, frozen: { rows: [2] }, init: { W: denseMatrix(60, 3) } })
    await expect(ofRows.partialFit(X)).rejects.toMatchObject(refused)
    // what stays belongs to the rows that the model was fitted to
    expect((await (await ofRows.fit(X)).transform(rowsOf(0, 1))).rows).toBe(1)
    await expect(new NMF({ rank: 3, backend }).partialFit(X, { maxIterations: 3 } as object)).rejects.toMatchObject(
      refused,
    )
    const zeros = { data: new Float32Array(50), rows: 2, columns: 25 }
    await expect(new NMF({ rank: 3, backend }).partialFit(zeros)).rejects.toMatchObject({ code: 'ERR_NONNEG_ZERO' })
    await expect(NMF.fromBytes(new ArrayBuffer(9) as unknown as Uint8Array)).rejects.toMatchObject(refused)
  })
})

describe('MiniBatchNMF', () => {
  it.each([2, 1, 0.5])('lowers the loss pass by pass, β = %d', async loss => {
    const model = new MiniBatchNMF({ rank: 4, loss, batchRows: 16, backend, maxIterations: 30, tolerance: 0 })
    const { history, solver } = (await model.fit(X)).result
    expect(solver).toBe('online')
    expect(history).toHaveLength(30)
    expect(history[29].loss).toBeLessThan(0.9 * history[0].loss)
    const batch = await factorize(X, { rank: 4, loss, solver: 'mu', backend, maxIterations: 30, tolerance: 0 })
    expect(history[29].loss).toBeLessThan(1.1 * batch.loss)
  })

  it('learns from batches as they come, saved and loaded between them as if nothing had been', async () => {
    const options = { rank: 4, backend, seed: 1 } as const
    const whole = new MiniBatchNMF(options)
    let parts = new MiniBatchNMF(options)
    const scores: number[] = []
    for (let pass = 0; pass < 6; pass++) {
      for (let at = 0; at < 60; at += 20) {
        await whole.partialFit(rowsOf(at, at + 20))
        await parts.partialFit(rowsOf(at, at + 20))
        parts = await MiniBatchNMF.fromBytes(await parts.toBytes())
        expect(parts).toBeInstanceOf(MiniBatchNMF)
      }
      scores.push(await whole.score(X))
    }
    expect(parts.components).toEqual(whole.components)
    expect(scores[5]).toBeGreaterThan(scores[0])
    const full = await new NMF({ ...options, maxIterations: 300 }).fit(X)
    expect(scores[5]).toBeGreaterThan(full.result.relativeError ** 2 > 1 ? 1 : 0.9 * (await full.score(X)))
  })

  it('takes sparse batches, and refuses those of another width', async () => {
    const model = new MiniBatchNMF({ rank: 3, loss: 1, backend })
    await model.partialFit(sparse)
    expect(model.components.columns).toBe(41)
    await expect(model.partialFit(X)).rejects.toMatchObject({ code: 'ERR_NONNEG_SHAPE' })
  })
})

describe('checkpoints', () => {
  it.each([
    { solver: 'ahals' },
    { solver: 'mu', loss: 1 },
    { solver: 'online', batchRows: 17 },
    { solver: 'hals', frozen: [1], init: { H: denseMatrix(3, 25) } },
    { solver: 'ahals', frozen: { rows: [4, 59], columns: [0, 1] }, init },
    { solver: 'smu', batchRows: 17, frozen: { rows: [4, 59], columns: [0, 1] }, init },
  ] as const)('let another fit go on bit for bit: %o', async choice => {
    // the reference computes in float64 and would round its factors to float32
    const options = { rank: 3, backend, tolerance: 0, dtype: 'f64', ...choice } as const
    const whole = await factorize(X, { ...options, maxIterations: 37 })
    const seen: Checkpoint[] = []
    const onCheckpoint = async (checkpoint: Checkpoint) => {
      seen.push(await Checkpoint.fromBytes(await checkpoint.toBytes()))
    }
    const half = await factorize(X, { ...options, maxIterations: 20, onCheckpoint, checkpointEvery: 8 })
    expect(seen.map(({ iteration }) => iteration)).toEqual([8, 16])
    for (const resume of [seen[0], seen[1], half.checkpoint()]) {
      const rest = await factorize(X, { ...options, maxIterations: 37, resume })
      expect(rest.iterations).toBe(37)
      expect(rest.history.map(({ loss }) => loss)).toEqual(whole.history.map(({ loss }) => loss))
      expect(rest.W).toEqual(whole.W)
      expect(rest.H).toEqual(whole.H)
    }
  })

  it('stop where the whole fit would have stopped', async () => {
    const options = { rank: 3, backend, solver: 'hals', dtype: 'f64', tolerance: 1e-3, patience: 2 } as const
    const whole = await factorize(X, options)
    expect(whole.reason).toBe('converged')
    const half = await factorize(X, { ...options, maxIterations: 13 })
    const rest = await factorize(X, { ...options, resume: half.checkpoint() })
    expect([rest.iterations, rest.reason, rest.loss]).toEqual([whole.iterations, 'converged', whole.loss])
  })

  it('go with their X and options alone', async () => {
    const options = { rank: 3, backend, maxIterations: 5, solver: 'hals' } as const
    const resume = (await factorize(X, options)).checkpoint()
    const refused = { code: 'ERR_NONNEG_OPTION', message: expect.stringMatching(/resume/) }
    await expect(factorize(X, { ...options, rank: 4, resume })).rejects.toMatchObject(refused)
    await expect(factorize(X, { ...options, alphaW: 1, resume })).rejects.toMatchObject(refused)
    await expect(factorize(X, { ...options, solver: 'mu', resume })).rejects.toMatchObject(refused)
    await expect(factorize(denseMatrix(60, 24), { ...options, resume })).rejects.toMatchObject(refused)
    const weighted = { ...options, solver: 'mu', weights: denseMatrix(60, 25) } as const
    const other = { ...weighted.weights, data: weighted.weights.data.slice().reverse() }
    const ofWeights = (await factorize(X, weighted)).checkpoint()
    await expect(factorize(X, { ...weighted, weights: other, resume: ofWeights })).rejects.toMatchObject(refused)
    const hashed = { ...options, solver: 'mu', mask: { holdout: 0.2, seed: 1 } } as const
    const ofHash = (await factorize(X, hashed)).checkpoint()
    await expect(factorize(X, { ...hashed, mask: { holdout: 0.2, seed: 2 }, resume: ofHash })).rejects.toMatchObject(
      refused,
    )
    const held = { ...options, init: { H: denseMatrix(3, 25) } } as const
    const ofHeld = (await factorize(X, { ...held, frozen: [0] })).checkpoint()
    await expect(factorize(X, { ...held, frozen: [2], resume: ofHeld })).rejects.toMatchObject(refused)
    const lines = { ...options, init, frozen: { rows: [0, 1, 2, 7], columns: [3] } } as const
    const ofLines = (await factorize(X, lines)).checkpoint()
    const moved = { ...lines, frozen: { rows: [0, 2, 7, 1], columns: [4] }, resume: ofLines }
    await expect(factorize(X, moved)).rejects.toMatchObject({
      message: expect.stringMatching(/other frozen columns \("3", here "4"\)$/),
    })
    const batched = { ...options, solver: 'online', batchRows: 20 } as const
    const ofBatches = (await factorize(X, batched)).checkpoint()
    await expect(factorize(X, { ...batched, batchRows: 30, resume: ofBatches })).rejects.toMatchObject(refused)
  })

  it('are not made of an iteration that was cut short', async () => {
    const controller = new AbortController()
    const large = denseMatrix(600, 400)
    // in the middle of an iteration, which takes longer than that here
    const onProgress = ({ iteration }: HistoryEntry) => iteration === 2 && setTimeout(() => controller.abort(), 5)
    const options = { rank: 30, backend, solver: 'hals', maxIterations: 1_000_000, tolerance: 0 } as const
    const fit = factorize(large, { ...options, onAbort: 'return', signal: controller.signal, onProgress })
    const { reason, checkpoint } = await fit
    expect(reason).toBe('aborted')
    expect(() => checkpoint()).toThrow(expect.objectContaining({ code: 'ERR_NONNEG_ABORTED' }))
  })
})
