export type { BackendId, Info } from './backends/backend.js'
export type { GpuDeviceLike, WebgpuOptions } from './backends/webgpu/options.js'
export { type ErrorCode, NonnegError } from './core/errors.js'
export type { CsrInput, DenseInput, MatrixInput, NdarrayInput, RowsInput } from './core/input.js'
export type { CsrView, DenseView, FloatArray, MatrixView } from './core/matrix.js'
export type { SettingProblem } from './core/setting-problems.js'
export { closeDevices } from './engine/devices.js'
export type { Plan } from './engine/plan.js'
export { type BackendReport, probeBackends } from './engine/probe.js'
export type { Candidate, Ranking, Refusal } from './engine/ranking.js'
export type { BatchOptions, ForBoth } from './nmf/batch-options.js'
export { Checkpoint } from './nmf/checkpoint.js'
export { type Factorization, factorize, type RunningFit } from './nmf/factorize.js'
export type { Handover, StopReason } from './nmf/fit-loop.js'
export type { Frozen, FrozenInput } from './nmf/frozen.js'
export type { LossName } from './nmf/loss.js'
export { MiniBatchNMF } from './nmf/mini-batch-nmf.js'
export { NMF, type TransformOptions } from './nmf/nmf.js'
export type {
  FactorizeOptions,
  HistoryEntry,
  HoldoutMask,
  InitName,
  MaskInput,
  OwnStart,
  PatternMask,
} from './nmf/options.js'
export { type FitPlan, plan } from './nmf/plan.js'
export type { RankChoice, RankRow } from './nmf/rank/choice.js'
export { chooseRank } from './nmf/rank/choose-rank.js'
export type { ChooseRankOptions, RankMethod, RankProgress, RankRule } from './nmf/rank/options.js'
export type { StepRates } from './nmf/rates.js'
export type { SolverName } from './nmf/solvers.js'
export type { Criterion } from './nmf/stopping.js'
export { createOptimizer } from './optimizers/create-optimizer.js'
export type { Closure, Evaluation, StepReport } from './optimizers/method.js'
export type { Optimizer, OptimizerState, StepOptions } from './optimizers/optimizer.js'
export type {
  GroupOptions,
  GroupSettings,
  HypergradientOptions,
  OptimizerKind,
  OptimizerOptions,
} from './optimizers/options.js'
export { type Batch, type Training, type TrainingProgress, type TrainOptions, train } from './optimizers/train.js'
export * from './schedulers/api.js'
