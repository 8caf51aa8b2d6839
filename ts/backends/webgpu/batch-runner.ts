import type { FloatArray } from '../../core/matrix.js'
import type { Batch, Factors } from '../backend.js'
import type { BatchStep } from '../stochastic-steps.js'
import { type Call, prepare, type Step } from './calls.js'
import type { Setting } from './family.js'
import { Owned, Reused } from './owned.js'
import type { Measured } from './slots.js'

/** Batches that are kept ready for the next pass. */
const MOST_READY = 4096

/** The dispatches of one batch, and how its loss is told. */
export interface ReadyBatch {
  readonly steps: readonly Step[]
  readonly measure: Measured
}

/** What of a batch its dispatches depend on: two of the same kind share them. */
export type Kind = Pick<Batch, 'first' | 'count' | 'keep' | 'refresh'>

/** The dispatches of a kind of batches, before they are ready. */
export interface BatchCalls {
  readonly calls: readonly Call[]
  readonly measure: Measured
}

/** What batches leave, as `Factors` has it. */
export type Left = Pick<Factors, 'accumulated' | 'gradient'>

/**
 * What a fit by batches holds beside its factors: what batches leave for each other, and the dispatches of each. One class a
 * rule; what batches leave is theirs.
 */
export abstract class BatchRunner {
  protected readonly setting: Setting
  /** Whether a batch has run since the factors were set, or what others have left was put in with them. */
  protected hasBegun = false
  #ready: Map<string, ReadyBatch> = new Map()
  #prepared: Owned
  #scratch: Reused

  protected constructor(setting: Setting) {
    this.setting = setting
    this.#prepared = new Owned(setting.gpu)
    this.#scratch = new Reused(this.#prepared)
  }

  /** Makes all batches ready, each kind of them once. */
  async prepare(batches: readonly Batch[]): Promise<readonly ReadyBatch[]> {
    if (this.#ready.size > MOST_READY) this.#forget()
    const all: ReadyBatch[] = []
    for (const [at, batch] of batches.entries()) {
      const kind = this.kindOf(batch, at === 0 && !this.hasBegun)
      const key = [kind.first, kind.count, kind.keep, kind.refresh].join()
      let ready = this.#ready.get(key)
      if (!ready) {
        this.#scratch.again()
        const { calls, measure } = await this.calls({ ...this.setting, owned: this.#scratch }, kind)
        const { steps, uniforms } = await prepare(this.setting.gpu, calls)
        this.#prepared.keep(uniforms)
        ready = { steps, measure }
        this.#ready.set(key, ready)
      }
      all.push(ready)
    }
    return all
  }

  /** @param isFirst whether no batch has run before it */
  protected abstract kindOf(batch: Batch, isFirst: boolean): Kind

  /** The dispatches of batches of a kind; their scratch may be that of other kinds. */
  protected abstract calls(setting: Setting, kind: Kind): Promise<BatchCalls>

  /** Before batches run. */
  async begin(): Promise<void> {}

  /** After so many batches have run. */
  done(count: number): void {
    this.hasBegun ||= count > 0
  }

  /** What the host says of a batch, from `SLOT.told` of its slot on; undefined: nothing. */
  told(_batch: Batch): Uint32Array<ArrayBuffer> | undefined {
    return undefined
  }

  /** What a batch has done, from its slot; undefined where the rule takes no steps. */
  stepOf(_slot: Float32Array): BatchStep | undefined {
    return undefined
  }

  /** What batches have left that the next ones need, arrays like Hᵀ; none before the first. */
  left(): readonly GPUBuffer[] {
    return []
  }

  /** The same as `Factors` has it. */
  named(_left: readonly FloatArray[]): Left {
    return {}
  }

  /** Takes what came with other factors, or starts anew. */
  abstract put(factors: Factors, upload: (H: FloatArray, into: GPUBuffer) => Promise<void>): Promise<void>

  #forget(): void {
    this.#ready.clear()
    this.#prepared.destroy()
    this.#prepared = new Owned(this.setting.gpu)
    this.#scratch = new Reused(this.#prepared)
  }

  destroy(): void {
    this.#ready.clear()
    this.#prepared.destroy()
  }
}
