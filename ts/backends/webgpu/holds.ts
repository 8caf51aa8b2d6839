import type { FitSpec } from '../backend.js'
import { ONE_ROUND_ITERATIONS } from '../momentum.js'
import type { Operand } from './calls.js'
import type { Setting } from './family.js'
import type { Gpu } from './gpu.js'
import type { Owned } from './owned.js'
import { uploadFlags } from './upload.js'

/** Floats that are the numbers of extrapolation, as shaders/momentum.wgsl lays them out: a test holds this against its text. */
export const MOMENTUM_LENGTH = 192

/**
 * What holds rows of the factors back, as one list of floats, since some kernels have no binding to spare for two: first the
 * numbers of extrapolation, by which rounds wait, then for each row of a factor that has some that stay whether it does.
 */
export interface Holds {
  readonly buffer: GPUBuffer
  /** Where the flags of each factor begin; 0: all of its rows move. */
  readonly W: number
  readonly Ht: number
}

/** What a dispatch that moves rows is told of those that stay; default: all move. */
export interface Stays {
  /** Where the flags of its rows begin. */
  readonly frozen?: number
  readonly holds?: Operand | undefined
}

/** In a fit that extrapolates a round may have to wait for iterations that stand: then it leaves the factor as it is. */
export interface Waits extends Stays {
  /** For so many; default: it waits for nothing. */
  readonly single?: number
}

/** Bytes of the flags. */
export function flagBytes({ frozenW, frozenH }: FitSpec, rows: number, columns: number): number {
  return 4 * ((frozenW ? rows : 0) + (frozenH ? columns : 0))
}

/** Those of a fit; undefined where nothing is held back. @param columns rows of Hᵀ on the device */
export async function holdsOf(
  gpu: Gpu,
  owned: Owned,
  spec: FitSpec,
  rows: number,
  columns: number,
): Promise<Holds | undefined> {
  const { frozenW, frozenH, extrapolate = false } = spec
  if (!frozenW && !frozenH && !extrapolate) return undefined
  const buffer = await owned.storage(MOMENTUM_LENGTH * 4 + flagBytes(spec, rows, columns))
  const W = frozenW ? MOMENTUM_LENGTH : 0
  const Ht = frozenH ? MOMENTUM_LENGTH + (frozenW ? rows : 0) : 0
  if (frozenW) await uploadFlags(gpu, buffer, frozenW, rows, W)
  if (frozenH) await uploadFlags(gpu, buffer, frozenH, columns, Ht)
  return { buffer, W, Ht }
}

/** What a dispatch is told of the rows of a factor from this one on. */
export function stays({ holds }: Pick<Setting, 'holds'>, factor: 'W' | 'Ht', firstRow = 0): Stays {
  if (!holds) return {}
  return { frozen: holds[factor] && holds[factor] + firstRow, holds: { buffer: holds.buffer } }
}

/** The same in one of several rounds. */
export function waits(
  setting: Pick<Setting, 'holds' | 'motion'>,
  factor: 'W' | 'Ht',
  round: number,
  firstRow = 0,
): Waits {
  return { single: setting.motion && round > 0 ? ONE_ROUND_ITERATIONS : 0, ...stays(setting, factor, firstRow) }
}
