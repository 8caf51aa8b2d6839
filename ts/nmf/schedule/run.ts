import type { Fit } from '../../backends/backend.js'
import { NonnegError } from '../../core/errors.js'
import { SCHEDULERS, type SchedulerName } from '../../schedulers/registry.js'
import { loopOptions } from '../loop-options.js'
import type { ResolvedOptions } from '../options.js'
import { Passes } from '../passes.js'
import { type Prepared, scaledCandidates } from '../prepare.js'
import { startSafely } from '../safe-start.js'
import { SAFETY, SOLVERS, type SolverName } from '../solvers.js'
import { randomFactors } from '../start.js'
import { Recorder } from './recorder.js'
import type { ResidentFit } from './resident.js'
import type { Course, Runner, Trial } from './trial.js'

/** Rates are kept of so many steps at most, evenly spread. */
const KEPT_RATES = 512

/** What all runs of a comparison have in common. */
export interface Ground {
  readonly prepared: Prepared
  /** Of a fit by stochastic gradients. */
  readonly resolved: ResolvedOptions
  readonly resident: ResidentFit
}

/** What a fit has done, beside its factors. */
interface Meter {
  /** Updates of H. */
  steps: number
  /** Milliseconds that went into losses of all of X, which no training needs. */
  evaluating: number
}

/** The same fit under a meter. */
function metered(fit: Fit, meter: Meter): Fit {
  return {
    run: async (iterations, controls) => {
      const report = await fit.run(iterations, controls)
      meter.steps += report.iterations
      return report
    },
    runBatches: async (batches, controls) => {
      const report = await fit.runBatches(batches, controls)
      meter.steps += report.iterations
      return report
    },
    evaluate: async beta => {
      const begun = performance.now()
      const loss = await fit.evaluate(beta)
      meter.evaluating += performance.now() - begun
      return loss
    },
    factors: () => fit.factors(),
    setFactors: factors => fit.setFactors(factors),
    [Symbol.asyncDispose]: () => fit[Symbol.asyncDispose](),
  }
}

/** Whether an error says that rates were too large, which is a result here and no failure. */
function isDivergence(error: unknown): boolean {
  if (!(error instanceof NonnegError)) return false
  const { code, detail } = error
  return code === 'ERR_NONNEG_DIVERGED' || (code === 'ERR_NONNEG_OPTION' && detail.option === 'scheduler')
}

/** The options of one run, with a scheduler that writes down what it answers. */
function optionsOf({ prepared, resolved }: Ground, { contestant, rate, seed, epochs }: Trial) {
  const solver = rate === undefined ? (contestant as SolverName) : 'sgd'
  const { batchRows } = resolved.batches
  const totalSteps = epochs * Math.ceil(prepared.rows / batchRows)
  const scheduler = rate === undefined ? 'constant' : contestant
  const recorder = new Recorder(SCHEDULERS[scheduler as SchedulerName].make({ learningRate: rate ?? 0, totalSteps }))
  const rounds = SOLVERS[solver].rounds ?? 1
  const rates = { both: { learningRate: 0, scheduler: recorder } }
  const batches = { ...resolved.batches, rounds, rates }
  const own: ResolvedOptions = { ...resolved, solver, seed, maxIterations: epochs, batches }
  const [candidate] = scaledCandidates(own, prepared.X, false, prepared.k)
  const { spec } = candidate
  // without noise the seed of it would tell fits apart that are the same
  const quiet = spec.sgd && !spec.sgd.noise ? { ...spec, sgd: { ...spec.sgd, seed: 0 } } : spec
  return { solver, spec: quiet, loop: loopOptions(prepared, [candidate], own), recorder }
}

/** At most so many of the answers, under `safe` as far as the bounds let them through. */
function thinned(answers: readonly number[], steps: number, safe: boolean): Pick<Course, 'rates' | 'every'> {
  const every = Math.max(1, Math.ceil(steps / KEPT_RATES))
  const taken = answers.slice(0, steps).filter((_, step) => step % every === 0)
  return { rates: safe ? taken.map(rate => Math.min(rate, SAFETY)) : taken, every }
}

/** Runs on one ground: each starts from what its seed draws, whoever runs. */
export function runnerOn(ground: Ground): Runner {
  const { prepared, resolved, resident } = ground
  const { safe } = resolved.batches
  return async (trial, signal, epochDone) => {
    const { solver, spec, loop, recorder } = optionsOf(ground, trial)
    const meter: Meter = { steps: 0, evaluating: 0 }
    const fit = metered(await resident.of(spec), meter)
    const start = await randomFactors(prepared, resolved, trial.seed)
    await fit.setFactors({ W: start.W.data, H: start.H.data })
    if (safe) await startSafely(fit, start, prepared.squaredNorm)
    const losses = [(await fit.evaluate()) * loop.lossScale]
    const seconds = [0]
    const problem = { X: prepared.X, squaredNorm: prepared.squaredNorm, ...start }
    const passes = SOLVERS[solver].batchRows === undefined ? undefined : new Passes(fit, solver, problem, loop)
    meter.steps = 0
    let ended: Course['ended'] = 'done'
    for (let epoch = 0, spent = 0; epoch < trial.epochs && ended === 'done'; epoch++) {
      const begun = performance.now()
      meter.evaluating = 0
      try {
        const report = await (passes ? passes.run(epoch, 1, { signal }) : fit.run(1, { signal }))
        spent += performance.now() - begun - meter.evaluating
        if (report.stopped === 'aborted' || signal.aborted) ended = 'cut'
        else losses.push(report.losses[0] * loop.lossScale)
      } catch (error) {
        if (!isDivergence(error)) throw error
        losses.push(Number.POSITIVE_INFINITY)
      }
      if (losses.length < seconds.length + 1) break
      seconds.push(spent / 1000)
      if (!Number.isFinite(losses[losses.length - 1])) ended = 'diverged'
      epochDone()
    }
    const { steps } = meter
    return {
      losses,
      seconds,
      ...thinned(recorder.answers, solver === 'sgd' ? steps : 0, safe),
      steps,
      forwards: steps,
      ended,
    }
  }
}
