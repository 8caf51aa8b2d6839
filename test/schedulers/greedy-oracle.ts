/** The options of one rate with the names and defaults of Hugging Face's class, but for the names' case. */
export interface OracleOptions {
  readonly mode: 'min' | 'max'
  readonly factor: number
  readonly patience: number
  readonly threshold: number
  readonly thresholdMode: 'abs' | 'rel'
  readonly cooldown: number
  readonly warmup: number
  readonly minLr: number
  readonly maxLr: number
  readonly eps: number
  readonly smooth: boolean
  readonly windowSize: number
  readonly resetStart: number
}

/**
 * GreedyLR once more, in the order in which its sources do things, with nothing taken from the package: the class of Hugging
 * Face ('hf') and Algorithm 2 of arXiv 2512.14527 as its authors' code has it ('paper').
 */
export function greedyOracle(
  variant: 'hf' | 'paper',
  start: number,
  o: OracleOptions,
  metrics: readonly number[],
): number[] {
  const worst = o.mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  let rate = start
  let best = worst
  let good = 0
  let bad = 0
  let cooldown = 0
  let warmup = 0
  let resetIn = o.resetStart
  let values: number[] = []
  let sum = 0

  const isBetter = (metric: number) => {
    if (o.mode === 'min') {
      return o.thresholdMode === 'rel' ? metric < best * (1 - o.threshold) : metric < best - o.threshold
    }
    return o.thresholdMode === 'rel' ? metric > best * (1 + o.threshold) : metric > best + o.threshold
  }
  const compare = (metric: number) => {
    if (isBetter(metric)) {
      best = metric
      bad = 0
      good++
    } else {
      bad++
      good = 0
    }
  }
  const increase = () => {
    const raised = Math.min(rate / o.factor, o.maxLr)
    if (raised - rate > o.eps) rate = raised
  }
  const decrease = () => {
    const lowered = Math.max(rate * o.factor, o.minLr)
    if (rate - lowered > o.eps) rate = lowered
  }
  const forget = () => {
    best = worst
    good = 0
    bad = 0
    cooldown = 0
    warmup = 0
    resetIn = o.resetStart
  }

  const asHuggingFace = (metric: number) => {
    if (cooldown > 0) {
      cooldown--
      bad = 0
      good = 0
      return
    }
    if (warmup > 0) {
      warmup--
      bad = 0
      good = 0
      return
    }
    compare(metric)
    if (good > o.patience) {
      increase()
      resetIn = o.resetStart
      warmup = o.warmup
      good = 0
    } else if (bad > o.patience) {
      decrease()
      if (rate <= o.minLr) {
        resetIn--
        if (resetIn <= 0) {
          rate = start
          forget()
          values = []
          sum = 0
        }
      }
      cooldown = o.cooldown
      bad = 0
    }
  }

  const asPaper = (metric: number) => {
    compare(metric)
    if (cooldown > 0) {
      cooldown--
      bad = 0
    }
    if (warmup > 0) {
      warmup--
      good = 0
    }
    if (bad > o.patience) {
      decrease()
      cooldown = o.cooldown
      bad = 0
    }
    if (good > o.patience) {
      increase()
      warmup = o.warmup
      good = 0
    }
    if (resetIn === 0) forget()
    resetIn--
  }

  return metrics.map(metric => {
    let current = metric
    if (o.smooth) {
      values.push(metric)
      sum += metric
      if (values.length > o.windowSize) sum -= values.shift()!
      current = sum / values.length
    }
    if (variant === 'hf') asHuggingFace(current)
    else asPaper(current)
    return rate
  })
}
