export { type LearningRateCallback, type LearningRateOptions, learningRateCallback } from './learning-rate.js'
export { type SteppingOptimizer, tfOptimizer } from './optimizer.js'
export type { NamedTensors, TensorFlow, TensorLike } from './tensorflow.js'
