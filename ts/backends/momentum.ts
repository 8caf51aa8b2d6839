const SHRINK = 1.5
const GROW = 1.05
const GROW_CEILING = 1.01
/** Iterations that stand before others may take several rounds of their rule. */
export const ONE_ROUND_ITERATIONS = 10

/**
 * How far factors that extrapolate move on after their updates, and whether an iteration may stand. While the loss falls
 * they move further; an iteration that raised it is undone and done again without extrapolation, and those after it move
 * less far. The first iteration does not extrapolate either. So the loss falls as it does without extrapolation, and most
 * iterations gain what several of those would (Ang & Gillis, Neural Computation 2019, algorithm 3; the loss is that of the
 * extrapolated factors, and the plain iteration after a rise is ours). The first ten take one round of the rule where others
 * may take several: far from the end, one factor that goes all the way for the other as it is ends in poorer valleys.
 * Backends in other languages have the same arithmetic, in float64.
 */
export class Momentum {
  #weight = 0.5
  #ceiling = 1
  /** The weight before the last change. */
  #former = 0.5
  #loss = Number.POSITIVE_INFINITY
  /** The next iteration does not extrapolate. */
  #isPlain = true
  /** Iterations that stand. */
  #done = 0

  /** The share of the last step by which the factors of the next iteration move on. */
  get weight(): number {
    return this.#isPlain ? 0 : this.#weight
  }

  /** Rounds of the rule that the next iteration takes, where the fit asks for `wanted`. */
  rounds(wanted: number): number {
    return this.#done < ONE_ROUND_ITERATIONS ? 1 : wanted
  }

  /** Takes the loss after an iteration; false where the iteration is to be undone and done again. */
  accepts(loss: number): boolean {
    if (loss > this.#loss && !this.#isPlain) {
      this.#ceiling = this.#former
      this.#weight /= SHRINK
      this.#isPlain = true
      return false
    }
    if (!this.#isPlain) this.#former = this.#weight
    this.#weight = Math.min(this.#ceiling, GROW * this.#weight)
    this.#ceiling = Math.min(1, GROW_CEILING * this.#ceiling)
    this.#isPlain = false
    this.#loss = loss
    this.#done++
    return true
  }

  get numbers(): readonly number[] {
    return [this.#weight, this.#ceiling, this.#former, this.#loss, this.#isPlain ? 1 : 0, this.#done]
  }

  set numbers([weight, ceiling, former, loss, isPlain, done]: readonly number[]) {
    this.#weight = weight
    this.#ceiling = ceiling
    this.#former = former
    this.#loss = loss
    this.#isPlain = isPlain !== 0
    this.#done = done
  }
}
