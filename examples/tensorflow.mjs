// TensorFlow.js: a scheduler that steers one of its optimizers, and an optimizer of this package that steps its model.
//   npm run build && node examples/tensorflow.mjs
import { fileURLToPath } from 'node:url'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { layers, sequential } from '@tensorflow/tfjs-layers'
import { closeDevices, GreedyLR } from 'nonneg'
import { learningRateCallback, tfOptimizer } from 'nonneg/tfjs'
import { isHeldOut, speeches } from './speeches.mjs'

const FIT = { epochs: 15, batchSize: 16, shuffle: false, verbose: 0 }

const data = speeches(300)
const part = wanted => {
  const chosen = data.x.flatMap((_, index) => (isHeldOut(index) === wanted ? [index] : []))
  return {
    x: tf.tensor2d(chosen.map(index => [...data.x[index]])),
    y: tf.tensor2d(chosen.map(index => [data.labels[index]])),
  }
}

function model(optimizer) {
  const dense = { units: 1, activation: 'sigmoid', kernelInitializer: 'zeros', inputShape: [data.words.length] }
  const made = sequential({ layers: [layers.dense(dense)] })
  made.compile({ optimizer, loss: 'binaryCrossentropy', metrics: ['accuracy'] })
  return made
}

const RUNS = {
  async 'tf.train.sgd(2)'(training) {
    const own = model(tf.train.sgd(2))
    await own.fit(training.x, training.y, FIT)
    return { model: own }
  },
  // grows while the loss of the epochs falls
  async 'tf.train.sgd, GreedyLR'(training) {
    const own = model(tf.train.sgd(2))
    const scheduler = new GreedyLR({ learningRate: 2, factor: 0.8, patience: 0, maxLr: 20 })
    const callbacks = learningRateCallback(own, scheduler, { every: 'epoch' })
    await own.fit(training.x, training.y, { ...FIT, callbacks })
    return { model: own }
  },
  async 'Schedule-Free AdamW'(training) {
    const optimizer = tfOptimizer(tf, { kind: 'schedule-free-adamw', learningRate: 0.05, backend: 'wasm' })
    const own = model(optimizer)
    await own.fit(training.x, training.y, { ...FIT, callbacks: optimizer.callback })
    return { model: own, optimizer }
  },
}

/** @param {(line: string) => void} say */
export async function main(say = line => process.stdout.write(`${line}\n`)) {
  const [training, heldOut] = [part(false), part(true)]
  say(`Which party spoke? ${data.x.length} speeches, ${data.words.length} words, ${FIT.epochs} epochs`)
  say('                         training loss   held out, right')
  const results = {}
  for (const [name, run] of Object.entries(RUNS)) {
    const { model: own, optimizer } = await run(training)
    const judge = ({ x, y }) => own.evaluate(x, y, { verbose: 0 }).map(value => value.dataSync()[0])
    const measure = () => ({ loss: judge(training)[0], accuracy: judge(heldOut)[1] })
    // averages of iterates, where the optimizer makes them
    const { loss, accuracy } = optimizer ? await optimizer.withEvaluated(measure) : measure()
    say(`${name.padEnd(24)} ${loss.toFixed(4).padStart(13)} ${`${(100 * accuracy).toFixed(0)} %`.padStart(17)}`)
    results[name] = { loss, accuracy }
    optimizer?.dispose()
    await optimizer?.settled()
  }
  await closeDevices()
  return results
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
