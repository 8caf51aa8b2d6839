const SHRINK = 1.5
const GROW = 1.05
const GROW_CEILING = 1.01

/**
 * How far factors that extrapolate move on after their updates, from the losses that follow: further while the loss falls;
 * less far, and first back to the factors as the updates left them, once it has risen (Ang & Gillis, Neural Computation
 * 2019, algorithm 3; here a rise goes back to the last updates instead of the ones before, and the loss is that of the
 * extrapolated factors, which costs nothing). Backends in other languages have the same arithmetic, in float64.
 */
export class Momentum {
  /** The share of the last step by which factors move on. */
  weight = 0.5
  /** Whether the next iteration starts from the factors as the last updates left them. */
  goesBack = false
  #ceiling = 1
  /** The weight before the last change. */
  #former = 0.5
  #loss = Number.POSITIVE_INFINITY

  /**
   * Takes the loss that an iteration found: where it falls out of the update of H that of the factors as they are, and
   * where it falls out of that of W that of the factors before.
   */
  heed(loss: number): void {
    this.goesBack = loss > this.#loss
    if (this.goesBack) {
      this.#ceiling = this.#former
      this.weight /= SHRINK
    } else {
      this.#former = this.weight
      this.weight = Math.min(this.#ceiling, GROW * this.weight)
      this.#ceiling = Math.min(1, GROW_CEILING * this.#ceiling)
    }
    this.#loss = loss
  }

  get numbers(): readonly number[] {
    return [this.weight, this.#ceiling, this.#former, this.#loss, this.goesBack ? 1 : 0]
  }

  set numbers([weight, ceiling, former, loss, goesBack]: readonly number[]) {
    this.weight = weight
    this.#ceiling = ceiling
    this.#former = former
    this.#loss = loss
    this.goesBack = goesBack !== 0
  }
}
