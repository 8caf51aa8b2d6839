import type { FitSpec } from '../../ts/backends/backend.js'
import type { Call } from '../../ts/backends/webgpu/calls.js'
import { type CsrRows, familyFor, type Resident } from '../../ts/backends/webgpu/data.js'
import { familyIn } from '../../ts/backends/webgpu/families.js'
import { type DotGroups, type Pair, type Setting, SLOT } from '../../ts/backends/webgpu/family.js'
import { type Gpu, SMALLEST_BUFFER } from '../../ts/backends/webgpu/gpu.js'
import type { Buffers } from '../../ts/backends/webgpu/owned.js'
import { densePanels, padded, type Room } from '../../ts/backends/webgpu/plan.js'
import { sumTerms } from '../../ts/backends/webgpu/rule-calls.js'

/** The dispatches of one fit without extrapolation, as `GpuFit` records them. */
export interface FitCalls {
  /** Before the first iteration. */
  readonly begin: readonly Call[]
  readonly iteration: readonly Call[]
  readonly W: GPUBuffer
  readonly Ht: GPUBuffer
}

export interface FitPlan {
  readonly spec: FitSpec
  readonly data: Resident
  readonly room: Room
  readonly dots: DotGroups
}

/** Says which dispatches an iteration is. @param gpu may be absent where nothing is to be run */
export async function fitCalls(owned: Buffers, { spec, data, room, dots }: FitPlan, gpu?: Gpu): Promise<FitCalls> {
  const width = padded(spec.rank)
  const columns = data.X.kind === 'dense' ? data.X.stride : data.columns
  const alternates = spec.rule === 'mu' && familyFor(data, spec.beta) === 'gram'
  const pair = async (rows: number): Promise<Pair> => {
    const buffer = await owned.storage(rows * width * 4)
    return [buffer, alternates ? await owned.storage(rows * width * 4) : buffer]
  }
  const W = await pair(data.rows)
  const Ht = await pair(columns)
  const slot = { buffer: await owned.storage(SLOT.bytes), offset: 0, size: SLOT.bytes }
  const own = { gpu: gpu as Gpu, owned, spec, data, room, dots }
  // a fit keeps its buffers until it goes, so that whatever hands them out will do
  const setting = { ...own, width, columns, W, Ht, alternates, motion: undefined, slot } as Setting
  const family = await familyIn(setting)
  const next = alternates ? 1 : 0
  const iteration = [...family.updateW(0), ...family.updateH(0), ...family.begin(next), ...family.loss(next)]
  if (family.termCount > 0) {
    const at = { first: SLOT.violations, low: SLOT.unread, groups: dots.terms }
    iteration.push(sumTerms({ length: family.termCount, ...at, terms: { buffer: family.terms }, into: slot }))
  }
  return { begin: family.begin(0), iteration, W: W[0], Ht: Ht[0] }
}

/** Buffers that have a size and nothing else: dispatches can be counted without a GPU. */
export const imaginary: Buffers = {
  storage: async bytes => ({ size: Math.max(SMALLEST_BUFFER, Math.ceil(bytes / 4) * 4) }) as GPUBuffer,
}

const PLAIN = {
  ...{ squaredNorm: 1, normsBefore: undefined, weights: undefined, V: undefined, holdout: undefined },
  streams: false,
}

/** Dense X of this shape where there is no GPU. */
export async function imaginaryData(rows: number, columns: number, room: Room): Promise<Resident> {
  const stride = padded(columns)
  const panels = await Promise.all(
    densePanels(rows, stride * 4, room.bindingBytes).map(async panel => ({
      ...panel,
      buffer: await imaginary.storage(panel.count * stride * 4),
    })),
  )
  return { rows, columns, ...PLAIN, X: { kind: 'dense', stride, half: false, panels, byColumns: undefined } }
}

/** The same of CSR X whose entries are spread evenly. */
export async function imaginaryCounts(rows: number, columns: number, entries: number): Promise<Resident> {
  const list = (length: number) => imaginary.storage(4 * length)
  const sideOf = async (count: number): Promise<CsrRows> => {
    const indptr = await list(count + 1)
    const [indices, values] = [await list(entries), await list(entries)]
    const panel = { first: 0, count, entries, indptr, indices, values, weights: undefined }
    return { rows: count, panels: [panel], entries, longest: Math.ceil(entries / count) }
  }
  const [byRows, byColumns] = [await sideOf(rows), await sideOf(columns)]
  return { rows, columns, ...PLAIN, X: { kind: 'csr', byRows, byColumns } }
}
