// A loop of one's own: logistic regression in plain JavaScript, stepped by five kinds of optimizers through `train`.
//   npm run build && node examples/training-loop.mjs
import { fileURLToPath } from 'node:url'
import { Cosine, closeDevices, train } from 'nonneg'
import { isHeldOut, speeches } from './speeches.mjs'

const BATCHES = 8
const EPOCHS = 20
const STEPS = BATCHES * EPOCHS

const KINDS = {
  'sgd, cosine': { kind: 'sgd', scheduler: new Cosine({ learningRate: 10, totalSteps: STEPS }) },
  adam: { kind: 'adam', learningRate: 0.03 },
  'line search': { kind: 'sls', batchesPerEpoch: BATCHES, learningRate: 10 },
  'Schedule-Free SGD': { kind: 'schedule-free-sgd', learningRate: 10 },
  Prodigy: { kind: 'prodigy', scheduler: new Cosine({ learningRate: 1, totalSteps: STEPS }) },
}

const { x, labels } = speeches()
const width = x[0].length
const rows = x.map((_, index) => index)
const training = rows.filter(index => !isHeldOut(index))
const batchOf = batch => training.filter((_, place) => place % BATCHES === batch)

/** Log-odds of the speech for these weights, the last of which stands alone. */
function score(weights, row) {
  let sum = weights[width]
  for (let i = 0; i < width; i++) sum += weights[i] * row[i]
  return sum
}

/** Mean logistic loss with a small ridge, and its gradient where it is wanted. */
function evaluate(weights, batch, withGradient) {
  const ridge = 1e-4
  const gradient = withGradient ? weights.map(weight => ridge * weight) : undefined
  let loss = 0
  for (const weight of weights) loss += 0.5 * ridge * weight * weight
  for (const index of batch) {
    const sign = labels[index] === 1 ? 1 : -1
    const margin = sign * score(weights, x[index])
    // log(1 + e^−margin) without overflow
    loss += (Math.max(0, -margin) + Math.log1p(Math.exp(-Math.abs(margin)))) / batch.length
    if (!gradient) continue
    const pull = -sign / (1 + Math.exp(margin)) / batch.length
    for (let i = 0; i < width; i++) gradient[i] += pull * x[index][i]
    gradient[width] += pull
  }
  return { loss, gradient }
}

/** @param {object} optimizer options of `createOptimizer` */
async function run(optimizer) {
  const weights = new Float32Array(width + 1)
  const { parameters, forwards, backwards } = await train({
    parameters: weights,
    optimizer: { ...optimizer, backend: 'wasm' },
    batches: BATCHES,
    epochs: EPOCHS,
    evaluate: ({ batch, withGradient }) => evaluate(weights, batchOf(batch), withGradient),
  })
  const heldOut = rows.filter(isHeldOut)
  const right = heldOut.filter(index => score(parameters, x[index]) > 0 === (labels[index] === 1)).length
  return {
    loss: evaluate(parameters, training, false).loss,
    accuracy: right / heldOut.length,
    passes: forwards + backwards,
  }
}

/** @param {(line: string) => void} say */
export async function main(say = line => process.stdout.write(`${line}\n`)) {
  say(`Which party spoke? ${x.length} speeches, ${width} words, ${EPOCHS} epochs of ${BATCHES} batches`)
  say('                     training loss   held out, right   forward passes')
  const results = {}
  for (const [name, options] of Object.entries(KINDS)) {
    const { loss, accuracy, passes } = await run(options)
    say(
      `${name.padEnd(20)} ${loss.toFixed(4).padStart(13)} ${`${(100 * accuracy).toFixed(0)} %`.padStart(17)} ${String(passes).padStart(16)}`,
    )
    results[name] = { loss, accuracy, passes }
  }
  await closeDevices()
  return results
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
