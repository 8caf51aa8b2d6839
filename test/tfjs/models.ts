import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import * as layers from '@tensorflow/tfjs-layers'
import { Random } from '../../ts/core/random.js'

export const FEATURES = 3
export const POINTS = 64

/** A plane with some noise: points, heights, and the weights that made them. */
export function plane(seed: number): { x: tf.Tensor2D; y: tf.Tensor2D } {
  const random = new Random(seed)
  const weights = [1.5, -2, 0.5]
  const x = Array.from({ length: POINTS }, () => Array.from({ length: FEATURES }, () => 2 * random.uniform() - 1))
  const y = x.map(row => [row.reduce((sum, entry, i) => sum + entry * weights[i], 0.3 + 0.02 * random.uniform())])
  return { x: tf.tensor2d(x), y: tf.tensor2d(y) }
}

/** A linear model, from weights of zero. */
export function linearModel(): layers.Sequential {
  const units = { units: 1, inputShape: [FEATURES], kernelInitializer: 'zeros' as const }
  return layers.sequential({ layers: [layers.layers.dense(units)] })
}

export function weightsOf(model: layers.LayersModel): number[] {
  return model.getWeights().flatMap(weight => [...weight.dataSync()])
}
