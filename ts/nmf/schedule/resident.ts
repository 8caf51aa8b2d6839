import type { Device, Fit, FitSpec, Problem } from '../../backends/backend.js'

/**
 * The fit that runs share, so that X is sent to the device once and not for each of them; another is made only for another
 * spec, and the former gives its memory back first.
 */
export class ResidentFit implements AsyncDisposable {
  readonly #device: Device
  readonly #problem: Problem
  #key: string | undefined
  #fit: Fit | undefined

  constructor(device: Device, problem: Problem) {
    this.#device = device
    this.#problem = problem
  }

  async of(spec: FitSpec): Promise<Fit> {
    const key = JSON.stringify(spec)
    if (this.#fit && this.#key === key) return this.#fit
    await this[Symbol.asyncDispose]()
    this.#fit = await this.#device.createFit(this.#problem, spec)
    this.#key = key
    return this.#fit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const fit = this.#fit
    this.#fit = undefined
    await fit?.[Symbol.asyncDispose]()
  }
}
