import type { FitSpec, Penalty } from '../backend.js'
import type { Call, Operand } from './calls.js'
import type { Resident } from './data.js'
import { type Gpu, SMALLEST_BUFFER } from './gpu.js'
import type { Holds } from './holds.js'
import type { Motion } from './motion.js'
import type { Buffers } from './owned.js'
import type { Panel, Room } from './plan.js'
import type { Bounds, LossParts } from './rule-calls.js'

/** Which of the two copies of the factors is current. */
export type State = 0 | 1

/** Both copies of a factor where updates read one and write the other, else one buffer twice. */
export type Pair = readonly [GPUBuffer, GPUBuffer]

/**
 * What an attempt at an iteration leaves until it is read back, in floats: the partial sums of its loss, of two floats each,
 * those of its violation, and in the last one whether it stands. Batches of `sgd` have no violations: in their place the slot has
 * what the host says of the batch, and the steps that it took.
 */
export const SLOT: {
  readonly bytes: number
  /** Where the second halves of the loss's partial sums begin. */
  readonly low: number
  readonly violations: number
  /** Second halves that nobody asks for. */
  readonly unread: number
  readonly stands: number
  /** The rates of W and H, and the draw of their noise. */
  readonly told: number
  /** The lengths of both steps. */
  readonly taken: number
  /** Partial sums of Σ g² and of Σ g·g′, so many at most of each. */
  readonly squares: number
  readonly products: number
  readonly mostSums: number
} = {
  ...{ bytes: 3 * SMALLEST_BUFFER, low: 64, violations: 128, unread: 159, stands: 191 },
  ...{ told: 128, taken: 131, squares: 133, products: 146, mostSums: 13 },
}

/** How partial sums are split over workgroups: ab + cd for a loss, `terms` for a violation; they fit a slot. */
export interface DotGroups {
  readonly ab: number
  readonly cd: number
  readonly terms: number
  /** Of a workgroup of those of a loss by inner products. */
  readonly threads: number
}

/** Partial sums of a loss that is one sum. */
export function lossSums({ ab, cd }: DotGroups): number {
  return ab + cd
}

/** What a family is built into: the device's side of one fit. */
export interface Setting {
  readonly gpu: Gpu
  readonly owned: Buffers
  readonly spec: FitSpec
  readonly data: Resident
  readonly room: Room
  readonly dots: DotGroups
  /** The rank on the device, a multiple of 4. */
  readonly width: number
  /** Rows of Hᵀ on the device. */
  readonly columns: number
  readonly W: Pair
  readonly Ht: Pair
  /** Whether these are two copies each: then updates read one and write the other. */
  readonly alternates: boolean
  /** Where the fit extrapolates. */
  readonly motion: Motion | undefined
  /** Where rows may have to stay. */
  readonly holds: Holds | undefined
  /** A slot of the ring. */
  readonly slot: Operand
}

/** How a loss is told from the factors as they are. */
export interface Measure {
  /** Dispatches that leave its partial sums in a slot. */
  measure(state: State): Call[]
  /** The loss is `constant` and what `parts` makes of the sums. */
  readonly constant: number
  readonly parts: LossParts
}

/** How the products of one kind of X and loss move the factors: lists of dispatches, from one state of the factors. */
export interface Family extends Measure {
  /** What must be there before the first iteration, and anew where factors were set. */
  begin(state: State): Call[]
  /** W moves from this state to the next. */
  updateW(state: State): Call[]
  /** H does, with the W of the next. */
  updateH(state: State): Call[]
  /**
   * Both, where X comes panel by panel and each is to be read once: the rows of W move with the panel, and then `moved` follows
   * for them. Absent where X is there, or is read in another order for H.
   */
  sweep?(state: State, moved: (rows: Panel) => Call[]): Call[]
  /** The loss after the updates, which may have left what it wants; `measure` is the same by itself. */
  loss(state: State): Call[]
  /** What iterations leave of H for the next ones: where the fit extrapolates it goes back with H. */
  readonly left: { readonly buffer: GPUBuffer; readonly bytes: number }
  /** The list of the terms of the violation, and its length; 0 for rules that have none. */
  readonly terms: GPUBuffer
  readonly termCount: number
}

const NO_PENALTY: Penalty = { l1: 0, l2: 0 }

export function boundsOf(spec: FitSpec): { readonly W: Bounds; readonly Ht: Bounds } {
  const { rank, penaltyW = NO_PENALTY, penaltyH = NO_PENALTY, movingW = rank, movingH = rank } = spec
  const { maxW = Number.POSITIVE_INFINITY, maxH = Number.POSITIVE_INFINITY } = spec
  return {
    W: { moving: movingW, most: maxW, l1: penaltyW.l1, l2: penaltyW.l2 },
    Ht: { moving: movingH, most: maxH, l1: penaltyH.l1, l2: penaltyH.l2 },
  }
}

/** The state after so many rounds of an update. */
export function stateAfter({ alternates }: Pick<Setting, 'alternates'>, state: State, rounds: number): State {
  return alternates && rounds % 2 === 1 ? ((1 - state) as State) : state
}
