import { dispatch, type Step } from './calls.js'
import type { Gpu } from './gpu.js'

/** A dispatch, or something else that an encoder or the queue is told between two of them. */
export type Command = Step | ((encoder: GPUCommandEncoder) => void)

function encode(encoder: GPUCommandEncoder, commands: Iterable<Command>): void {
  let pass: GPUComputePassEncoder | undefined
  for (const command of commands) {
    if (typeof command === 'function') {
      pass?.end()
      pass = undefined
      command(encoder)
    } else {
      pass ??= encoder.beginComputePass()
      dispatch(pass, command)
    }
  }
  pass?.end()
}

/** Submits what a fit has to run, in the order in which it is asked to. */
export class Submissions {
  readonly #gpu: Gpu
  readonly #streams: boolean
  /** Settles when everything asked for so far is over. */
  #turn: Promise<unknown> = Promise.resolve()

  /** @param streams whether commands may read panels that are not there */
  constructor(gpu: Gpu, streams: boolean) {
    this.#gpu = gpu
    this.#streams = streams
  }

  /**
   * Runs commands: at once where everything that they read is there, else panel by panel. Resolves when they have run, to
   * false where the signal has ended them between two panels: the rest has not run then.
   */
  async run(commands: Iterable<Command>, signal?: AbortSignal): Promise<boolean> {
    if (!this.#streams) {
      await this.#submit(commands)
      return true
    }
    const turn = this.#turn.then(() => this.#inStages(commands, signal))
    this.#turn = turn.catch(() => {})
    return await turn
  }

  /** Resolves when they have run. */
  #submit(commands: Iterable<Command>): Promise<unknown> {
    const gpu = this.#gpu
    const { done } = gpu.scoped(() => {
      const encoder = gpu.device.createCommandEncoder()
      encode(encoder, commands)
      gpu.device.queue.submit([encoder.finish()])
    })
    const over = Promise.all([done, gpu.settle()])
    // who waits for it may fail before
    over.catch(() => {})
    return over
  }

  /**
   * Where a step wants a panel that is not there, what came before it is submitted, and while the device works on that the
   * panel is written to a berth that nothing submitted reads any more but for the stage before: what is under way, and copies
   * of panels that wait for their turn, are those of two stages at most.
   */
  async #inStages(commands: Iterable<Command>, signal: AbortSignal | undefined): Promise<boolean> {
    let stage: Command[] = []
    let last: Promise<unknown> | undefined
    if (signal?.aborted) return false
    for (const command of commands) {
      const panels = typeof command === 'function' ? [] : (command.panels ?? [])
      const missing = panels.filter(panel => !panel.isThere)
      if (missing.length > 0) {
        const before = last
        if (stage.length > 0) last = this.#submit(stage)
        stage = []
        await before
        if (signal?.aborted) {
          await last
          return false
        }
        for (const panel of missing) await panel.load()
      }
      stage.push(command)
    }
    await Promise.all([last, this.#submit(stage)])
    return true
  }
}
