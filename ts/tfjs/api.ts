export type { OptimizerKind, OptimizerOptions } from '../optimizers/options.js'
export { type LearningRateCallback, type LearningRateOptions, learningRateCallback } from './learning-rate.js'
export { type SteppingOptimizer, tfOptimizer } from './optimizer.js'
