import type { Batch, Fit, RunControls, SweepReport } from '../backends/backend.js'

/** How an online fit walks through the rows of X. */
export interface OnlineOptions {
  readonly batchRows: number
  readonly forgetFactor: number
}

/** One pass over all rows: batches in order, the last possibly shorter; one keeps the share that its rows leave of a pass. */
export function batchesOf(rows: number, { batchRows, forgetFactor }: OnlineOptions): readonly Batch[] {
  const size = Math.min(batchRows, rows)
  // for all batches alike, as scikit-learn has it
  const keep = forgetFactor ** (size / rows)
  return Array.from({ length: Math.ceil(rows / size) }, (_, at) => {
    const first = at * size
    return { first, count: Math.min(size, rows - first), keep }
  })
}

/** Passes over all batches, each reported as one iteration with the loss of all of X after it. */
export async function runPasses(
  fit: Fit,
  batches: readonly Batch[],
  passes: number,
  controls: RunControls,
): Promise<SweepReport> {
  const start = performance.now()
  const losses: number[] = []
  const seconds: number[] = []
  let stopped: SweepReport['stopped'] = 'done'
  while (losses.length < passes && stopped === 'done') {
    if (losses.length > 0 && controls.deadline !== undefined && performance.now() >= controls.deadline) {
      stopped = 'deadline'
      break
    }
    // a pass that has begun is finished, as any iteration is
    const report = await fit.runBatches(batches, { signal: controls.signal })
    if (report.stopped === 'aborted') {
      stopped = 'aborted'
      break
    }
    losses.push(await fit.evaluate())
    seconds.push((performance.now() - start) / 1000)
  }
  return {
    iterations: losses.length,
    losses: Float64Array.from(losses),
    violations: new Float64Array(0),
    seconds: Float64Array.from(seconds),
    stopped,
  }
}
