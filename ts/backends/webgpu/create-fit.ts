import { NonnegError } from '../../core/errors.js'
import { type FitSpec, isForBatchesAlone, type Problem } from '../backend.js'
import { inBytes, type Memory, totalBytes } from '../memory.js'
import { batchRunner } from './batch-rules.js'
import { prepare } from './calls.js'
import { deviceColumns, familyFor, uploadData } from './data.js'
import { familyIn } from './families.js'
import { type DotGroups, type Pair, type Setting, SLOT, type State, stateAfter } from './family.js'
import { GpuFit } from './fit.js'
import { type Gpu, READ_PIECE } from './gpu.js'
import { holdsOf } from './holds.js'
import { Motion } from './motion.js'
import { Owned } from './owned.js'
import { type Panel, padded, type Room } from './plan.js'
import { type Allotment, allotmentOf, memoryWithin } from './residency.js'
import { SLOTS, violationOf } from './slots.js'
import { uploadRows, uploadTransposed } from './upload.js'

/** A factor's buffers. */
async function pair(owned: Owned, bytes: number, twice: boolean): Promise<Pair> {
  const buffer = await owned.storage(bytes)
  return [buffer, twice ? await owned.storage(bytes) : buffer]
}

/** Uploads the problem and records its iterations. */
async function create(
  gpu: Gpu,
  owned: Owned,
  problem: Problem,
  spec: FitSpec,
  whole: Room,
  dots: DotGroups,
  memory: Memory | undefined,
): Promise<GpuFit> {
  const { X } = problem
  const { rows } = X
  const { rank, rounds = 1 } = spec
  const fixed = spec.fixed === 'H'
  const batches = (spec.batches ?? false) && !fixed
  const width = padded(rank)
  const columns = deviceColumns(X)
  const { bindingBytes } = whole
  const { tileBytes, residency } = allotmentIn(problem, spec, whole)
  const room = { ...whole, tileBytes }
  const data = await uploadData(gpu, owned, problem, { spec, batches, bindingBytes, residency })
  const [bytesW, bytesHt] = [rows * width * 4, columns * width * 4]
  // batches move some rows of W alone, in place, and rounds that have to wait leave the factors where they are
  const inPlace = batches || (spec.extrapolate && rounds > 1)
  const alternates = spec.rule === 'mu' && !inPlace && familyFor(data, spec.beta) === 'gram'
  const W = await pair(owned, bytesW, alternates)
  const Ht = await pair(owned, bytesHt, alternates && !fixed)
  const ring = await owned.storage(SLOTS * SLOT.bytes)
  const stagingBytes = Math.max(SLOTS * SLOT.bytes, Math.min(READ_PIECE, bytesW + bytesHt))
  const staging = await owned.staging(stagingBytes)
  const slot = { buffer: ring, offset: 0, size: SLOT.bytes }
  const holds = await holdsOf(gpu, owned, spec, rows, columns)
  const motion = holds && spec.extrapolate ? await Motion.create(owned, holds, bytesW, bytesHt, fixed) : undefined
  const factors = { width, columns, W, Ht, alternates, motion, holds }
  const setting: Setting = { gpu, owned, spec, data, room, dots, slot, ...factors }
  // where batches alone move the factors, the family measures their loss
  const noRule = { ...spec, rule: 'product', fixed: 'H' } as const
  const forBatches = isForBatchesAlone(spec.rule)
  const family = await familyIn(forBatches ? { ...setting, spec: noRule } : setting)
  const runner = await batchRunner(setting)
  await motion?.keepLeft(owned, fixed ? 0 : family.left.bytes)
  await uploadRows(gpu, W[0], problem.W, 0, rows, width)
  await uploadTransposed(gpu, Ht[0], problem.H, columns, width)
  if (motion) {
    await uploadRows(gpu, motion.before.W, problem.W, 0, rows, width)
    await uploadTransposed(gpu, motion.before.Ht, problem.H, columns, width)
    await motion.write(gpu)
  }

  const { maxW = Number.POSITIVE_INFINITY, maxH = Number.POSITIVE_INFINITY } = spec
  const iteration = (state: State) => {
    const next = stateAfter(setting, state, rounds)
    const now = { W: W[next], Ht: Ht[next], left: family.left.buffer }
    const moveOnW = (rows: Panel) =>
      motion ? [motion.moveOn('W', W[next], maxW, { first: rows.first * width, length: rows.count * width })] : []
    return [
      ...(family.sweep
        ? family.sweep(state, moveOnW)
        : [...family.updateW(state), ...moveOnW({ first: 0, count: rows }), ...family.updateH(state)]),
      ...(motion && !fixed ? [motion.moveOn('Ht', Ht[next], maxH, { first: 0, length: columns * width })] : []),
      ...(fixed ? [] : family.begin(next)),
      ...family.loss(next),
      ...(family.termCount > 0 ? [violationOf(family, setting)] : []),
      ...(motion ? motion.judge(now, family.parts, slot) : []),
    ]
  }
  const lists = ([0, 1] as const).flatMap(state => [
    family.begin(state),
    forBatches ? [] : iteration(state),
    family.measure(state),
    motion ? [motion.adopt(family.parts, slot)] : [],
  ])
  const { steps, uniforms } = await prepare(gpu, lists.flat())
  owned.keep(uniforms)
  const cut = lists.map(list => steps.splice(0, list.length))
  const recorded = [0, 4].map(first => {
    const [begin, iteration, evaluation, adoption] = cut.slice(first, first + 4)
    return { begin, iteration, evaluation, adoption }
  })
  return new GpuFit({ setting, owned, family, runner, recorded, ring, staging, stagingBytes, memory })
}

/** @throws NonnegError ERR_NONNEG_MEMORY where there is no room */
function allotmentIn({ X, weights }: Problem, spec: FitSpec, room: Room): Allotment {
  const own = allotmentOf(X, spec, weights, room)
  if (own) return own
  const needed = Math.ceil(totalBytes(memoryWithin(X, spec, weights, room)))
  const { memoryBytes } = room
  const message = `the fit takes ${inBytes(needed)} of GPU memory at least, and may take ${inBytes(memoryBytes)}`
  throw new NonnegError('ERR_NONNEG_MEMORY', message, {
    detail: { needed, limit: memoryBytes },
    fix: `set webgpu.memoryLimit (or NONNEG_WEBGPU_MEMORY) to ${needed} or more, lower the rank, or choose another backend`,
  })
}

/**
 * Makes a fit: X goes to the device as a whole, or, where that says that it is full, with less beside it or panel by panel. On
 * failure nothing stays allocated.
 */
export async function createFit(
  gpu: Gpu,
  problem: Problem,
  spec: FitSpec,
  room: Room,
  dots: DotGroups,
): Promise<GpuFit> {
  const { X, weights } = problem
  for (let own = room; ; ) {
    const owned = new Owned(gpu)
    const memory = memoryWithin(X, spec, weights, own)
    try {
      return await create(gpu, owned, problem, spec, own, dots, own === room ? undefined : memory)
    } catch (error) {
      owned.destroy()
      // WebGPU does not say how much there is: half of what was too much may do
      own = { ...room, memoryBytes: totalBytes(memory) / 2 }
      if (!isFull(error) || !allotmentOf(X, spec, weights, own)) throw error
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof NonnegError && error.code === 'ERR_NONNEG_MEMORY'
}
