/** A signal that the first Ctrl-C (or a polite kill) aborts; a second one ends the process as if this were not here. */
export class Interrupt {
  readonly #controller: AbortController = new AbortController()
  readonly #onSignal: () => void = () => {
    this.release()
    this.#controller.abort(new Error('interrupted'))
  }

  constructor() {
    process.on('SIGINT', this.#onSignal)
    process.on('SIGTERM', this.#onSignal)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  release(): void {
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
  }
}
