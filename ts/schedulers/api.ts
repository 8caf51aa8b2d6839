export { Chained, type ChainedOptions } from './chained.js'
export { Constant } from './constant.js'
export { Cosine, type CosineOptions } from './cosine.js'
export { CosineRestarts, type CosineRestartsOptions } from './cosine-restarts.js'
export { Cyclic, type CyclicOptions } from './cyclic.js'
export { Exponential, type ExponentialOptions } from './exponential.js'
export { GreedyLR, type GreedyOptions, type GreedyVariant } from './greedy.js'
export { Hypergradient, type HypergradientOptions } from './hypergradient.js'
export { InverseSqrt, type InverseSqrtOptions } from './inverse-sqrt.js'
export { InverseTime, type InverseTimeOptions } from './inverse-time.js'
export { Linear } from './linear.js'
export { MultiStep, type MultiStepOptions } from './multi-step.js'
export { OneCycle, type OneCycleOptions } from './one-cycle.js'
export { type PolyakOptions, PolyakStepSize } from './polyak.js'
export { Polynomial, type PolynomialOptions } from './polynomial.js'
export { ReduceOnPlateau, type ReduceOnPlateauOptions } from './reduce-on-plateau.js'
export {
  SCHEDULER_NAMES,
  SCHEDULERS,
  type SchedulerEntry,
  type SchedulerName,
  type SchedulerRun,
  schedulerFrom,
} from './registry.js'
export type { ScheduleOptions, SpanOptions } from './schedule.js'
export type { Observation, Scheduler, SchedulerState } from './scheduler.js'
export { Sequential, type SequentialOptions } from './sequential.js'
export {
  type BoundKind,
  balancedScales,
  dataBound,
  type FactorInput,
  type JointOptions,
  jointBound,
  type NoiseFloorOptions,
  noiseFloor,
  type StabilityOptions,
  type StartScales,
  type StartSums,
  stabilityBound,
} from './stability.js'
export { Step, type StepOptions } from './step.js'
export { WarmupStableDecay, type WarmupStableDecayOptions } from './warmup-stable-decay.js'
