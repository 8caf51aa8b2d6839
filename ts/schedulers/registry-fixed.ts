import { Chained } from './chained.js'
import { Constant } from './constant.js'
import { Cosine } from './cosine.js'
import { CosineRestarts } from './cosine-restarts.js'
import { Cyclic } from './cyclic.js'
import { Exponential } from './exponential.js'
import { InverseSqrt } from './inverse-sqrt.js'
import { InverseTime } from './inverse-time.js'
import { Linear } from './linear.js'
import { MultiStep } from './multi-step.js'
import { OneCycle } from './one-cycle.js'
import { Polynomial } from './polynomial.js'
import type { FixedName, SchedulerEntry, SchedulerRun } from './registry.js'
import { Sequential } from './sequential.js'
import { Step } from './step.js'
import { WarmupStableDecay } from './warmup-stable-decay.js'

/** A share of the run, at least one step. */
const share = ({ totalSteps }: SchedulerRun, part: number): number => Math.max(1, Math.round(part * totalSteps))

/** Milestones at shares of the run, as many of them as are steps of their own. */
const milestones = (run: SchedulerRun, parts: readonly number[]): readonly number[] => [
  ...new Set(parts.map(part => share(run, part))),
]

/** The schedules that depend on the step alone, and compositions. */
export const FIXED: Readonly<Record<FixedName, SchedulerEntry>> = {
  constant: {
    type: 'Constant',
    summary: 'the same rate at every step',
    formula: 'η₀',
    defaults: '`learningRate` or `learningRates` 1, `warmupSteps` 0',
    source: 'Hugging Face, get_constant_schedule and get_constant_schedule_with_warmup',
    cautions: ['With noisy gradients the loss stops falling at a floor that grows with the rate.'],
    reads: [],
    make: ({ learningRate }) => new Constant({ learningRate }),
  },
  linear: {
    type: 'Linear',
    summary: 'straight down to the end',
    formula: 'η₀·(1 − p), p = (t − w)/(T − w) with w for `warmupSteps`',
    defaults: '`totalSteps`, `learningRate` or `learningRates` 1, `warmupSteps` 0, `finalLearningRate` 0',
    source: 'Hugging Face, get_linear_schedule_with_warmup',
    cautions: ['The number of steps has to be known.'],
    reads: [],
    make: ({ learningRate, totalSteps }) => new Linear({ learningRate, totalSteps }),
  },
  cosine: {
    type: 'Cosine',
    summary: 'down along half a cosine: long near the top, long near the end',
    formula: 'η₀·½(1 + cos(2π·cycles·p)), cycles ½',
    defaults: '`totalSteps`, `learningRate` or `learningRates` 1, `warmupSteps` 0, `finalLearningRate` 0, `cycles` ½',
    source: 'Loshchilov & Hutter, ICLR 2017, without restarts; Hugging Face, get_cosine_schedule_with_warmup',
    cautions: ['The number of steps has to be known.', 'After T the rate stays; Hugging Face’s rises again.'],
    reads: [],
    make: ({ learningRate, totalSteps }) => new Cosine({ learningRate, totalSteps }),
  },
  'cosine-restarts': {
    type: 'CosineRestarts',
    summary: 'several cosines, each beginning again at the top',
    formula: 'η₀·½(1 + cos(π·(cycles·p mod 1))), 0 from p = 1 on',
    defaults: '`totalSteps`, `learningRate` or `learningRates` 1, `warmupSteps` 0, `finalLearningRate` 0, `cycles` 1',
    byName: '4 cycles',
    source: 'Loshchilov & Hutter, ICLR 2017; Hugging Face, get_cosine_with_hard_restarts_schedule_with_warmup',
    cautions: ['Each restart undoes some of what was won; judge the run at the end of a cycle.'],
    reads: [],
    make: ({ learningRate, totalSteps }) =>
      new CosineRestarts({ learningRate, totalSteps, cycles: Math.min(4, totalSteps) }),
  },
  polynomial: {
    type: 'Polynomial',
    summary: 'down along a power of what is left of the run',
    formula: '(η₀ − η_end)·(1 − p)^power + η_end, power 1, η_end 1e-7',
    defaults: '`totalSteps`, `learningRate` or `learningRates` 1, `warmupSteps` 0, `finalLearningRate` 1e-7, `power` 1',
    byName: 'power 2',
    source: 'Hugging Face, get_polynomial_decay_schedule_with_warmup',
    cautions: ['The number of steps has to be known.'],
    reads: [],
    make: ({ learningRate, totalSteps }) => new Polynomial({ learningRate, totalSteps, power: 2 }),
  },
  'inverse-sqrt': {
    type: 'InverseSqrt',
    summary: 'falls as one over the root of time; needs no end',
    formula: 'η₀/√((t − w + s)/s), s = `timescale`',
    defaults: '`learningRate` or `learningRates` 1, `warmupSteps` 0, `timescale` that of the warm-up, or 10,000',
    byName: 'timescale T/20',
    source: 'Vaswani et al., NeurIPS 2017; Hugging Face, get_inverse_sqrt_schedule',
    cautions: ['Falls slowly: where the noise is large, the end of the run is better with one that goes to 0.'],
    reads: [],
    make: run => new InverseSqrt({ learningRate: run.learningRate, timescale: share(run, 0.05) }),
  },
  'inverse-time': {
    type: 'InverseTime',
    summary: 'falls as one over time, the classical choice of stochastic approximation; needs no end',
    formula: 'η₀/(1 + gamma·t/s)^power, power 1, s = `timescale`',
    defaults: '`learningRate` or `learningRates` 1, `warmupSteps` 0, `timescale` 1, `gamma` 1, `power` 1',
    byName: 'timescale T/10',
    source: 'Robbins & Monro, Ann. Math. Statist. 1951; Keras, InverseTimeDecay',
    cautions: ['Safe in theory and slow in practice where `timescale` is short: most of the run has a tiny rate.'],
    reads: [],
    make: run => new InverseTime({ learningRate: run.learningRate, timescale: share(run, 0.1) }),
  },
  'inverse-time-1.5': {
    type: 'InverseTime',
    summary: 'the same with power 1.5: the t^1.5 decay',
    formula: 'η₀/(1 + t/s)^1.5',
    defaults: '`learningRate` or `learningRates` 1, `warmupSteps` 0, `timescale` 1, `gamma` 1, `power` 1',
    byName: 'timescale T/10, power 1.5',
    source: 'as inverse-time, with the option `power`',
    cautions: [
      'The rates add up to a finite sum, against what Robbins & Monro ask for: a run may come to rest before it has arrived.',
    ],
    reads: [],
    make: run => new InverseTime({ learningRate: run.learningRate, timescale: share(run, 0.1), power: 1.5 }),
  },
  step: {
    type: 'Step',
    summary: 'a fall by the same factor after each so many steps',
    formula: 'η₀·gamma^⌊t/stepSize⌋, gamma 0.1',
    defaults: '`stepSize`, `learningRate` or `learningRates` 1, `warmupSteps` 0, `gamma` 0.1',
    byName: 'stepSize T/3',
    source: 'PyTorch, StepLR',
    cautions: ['Two numbers to tune beside the rate.'],
    reads: [],
    make: run => new Step({ learningRate: run.learningRate, stepSize: share(run, 1 / 3) }),
  },
  'multi-step': {
    type: 'MultiStep',
    summary: 'a fall by the same factor at steps of one’s own choice',
    formula: 'η₀·gamma^(milestones ≤ t), gamma 0.1',
    defaults: '`milestones`, `learningRate` or `learningRates` 1, `warmupSteps` 0, `gamma` 0.1',
    byName: 'milestones T/2 and 3T/4',
    source: 'PyTorch, MultiStepLR',
    cautions: ['The milestones of one problem are not those of another.'],
    reads: [],
    make: run => new MultiStep({ learningRate: run.learningRate, milestones: milestones(run, [0.5, 0.75]) }),
  },
  exponential: {
    type: 'Exponential',
    summary: 'the same factor at every step',
    formula: 'η₀·gamma^t; `totalSteps` and `finalLearningRate` (η₀/100) may stand for gamma',
    defaults:
      '`gamma`, or `totalSteps` and `finalLearningRate` η₀/100; `learningRate` or `learningRates` 1, `warmupSteps` 0',
    byName: 'totalSteps T',
    source: 'PyTorch, ExponentialLR',
    cautions: ['A gamma that suits 100 steps is far too small for 10,000: better say the end.'],
    reads: [],
    make: ({ learningRate, totalSteps }) => new Exponential({ learningRate, totalSteps }),
  },
  'one-cycle': {
    type: 'OneCycle',
    summary: 'up to a peak, then down far below the start',
    formula: 'η_max/25 → η_max in 30 % of T → η_max/250,000 at T, along half cosines',
    defaults:
      "`totalSteps`, `maxLearningRate` 1, `learningRate` or `learningRates` a 25th of it, `warmupSteps` (the rise) 0.3·T, `finalLearningRate` a ten-thousandth of the first rate, `shape` 'cosine'",
    source: 'Smith & Topin, “Super-convergence”, 2018; PyTorch, OneCycleLR',
    cautions: ['`learningRate` alone is the peak; beside `maxLearningRate` it is where the cycle begins.'],
    reads: [],
    make: run => new OneCycle({ maxLearningRate: run.learningRate, totalSteps: run.totalSteps }),
  },
  cyclic: {
    type: 'Cyclic',
    summary: 'evenly up and down, again and again',
    formula: 'η_min + (η_max − η_min)·(1 − |2(t/2k mod 1) − 1|), k = `stepSize`, η_min = η_max/4',
    defaults:
      "`maxLearningRate` 1, `learningRate` or `learningRates` a quarter of it, `stepSize` 2000, or from `totalSteps` and `cycles` 4; `mode` 'triangular', `gamma` 1, `warmupSteps` 0",
    byName: '4 cycles in T',
    source: 'Smith, WACV 2017; PyTorch, CyclicLR',
    cautions: [
      '`learningRate` alone is the peak; beside `maxLearningRate` it is the lowest rate.',
      'Judge the run at the end of a cycle.',
    ],
    reads: [],
    make: run => new Cyclic({ maxLearningRate: run.learningRate, totalSteps: run.totalSteps }),
  },
  'warmup-stable-decay': {
    type: 'WarmupStableDecay',
    summary: 'up, long at the top, and down in the last steps',
    formula: 'η₀·t/w, then η₀, then η₀·½(1 + cos(πq)) with q the share of the last `decaySteps`',
    defaults:
      "`totalSteps`, `learningRate` or `learningRates` 1, `warmupSteps` 0, `decaySteps` T/10, `decay` 'cosine', `finalLearningRate` 0",
    byName: 'warmupSteps T/20, decaySteps T/5',
    source: 'Hu et al., “MiniCPM”, 2024; Hugging Face, get_wsd_schedule',
    cautions: ['The loss falls late: a run that is stopped before the decay looks worse than it is.'],
    reads: [],
    make: ({ learningRate, totalSteps }) => {
      const warmupSteps = Math.floor(totalSteps / 20)
      return new WarmupStableDecay({ learningRate, totalSteps, warmupSteps, decaySteps: Math.ceil(totalSteps / 5) })
    },
  },
  sequential: {
    type: 'Sequential',
    summary: 'one scheduler after another',
    formula: 'that of the scheduler whose turn it is, from its own step 0',
    defaults: '`schedulers`, `milestones`',
    byName: 'a constant rate for T/2, then a cosine',
    source: 'PyTorch, SequentialLR',
    cautions: ['The rate jumps at a milestone unless the one begins where the other ends.'],
    reads: [],
    make: ({ learningRate, totalSteps }) => {
      const first = Math.ceil(totalSteps / 2)
      const last = new Cosine({ learningRate, totalSteps: Math.max(1, totalSteps - first) })
      return new Sequential({ schedulers: [new Constant({ learningRate }), last], milestones: [first] })
    },
  },
  chained: {
    type: 'Chained',
    summary: 'the product of several schedulers',
    formula: 'η₀·Π ηᵢ(t)',
    defaults: '`schedulers`, `learningRate` 1',
    byName: 'a cosine with 4 cycles times an exponential fall to a tenth',
    source: 'PyTorch, ChainedScheduler',
    cautions: ['Give factors with `learningRate` or `learningRates` 1 to all but one.'],
    reads: [],
    make: ({ learningRate, totalSteps }) => {
      const waves = new CosineRestarts({ totalSteps, cycles: Math.min(4, totalSteps) })
      const fall = new Exponential({ totalSteps, finalLearningRate: 0.1 })
      return new Chained({ schedulers: [waves, fall], learningRate })
    },
  },
}
