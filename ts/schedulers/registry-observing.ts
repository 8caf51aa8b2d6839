import { GreedyLR } from './greedy.js'
import { Hypergradient } from './hypergradient.js'
import { PolyakStepSize } from './polyak.js'
import { ReduceOnPlateau } from './reduce-on-plateau.js'
import type { ObservingName, SchedulerEntry } from './registry.js'

/** The schedulers that act on what they observe. */
export const OBSERVING: Readonly<Record<ObservingName, SchedulerEntry>> = {
  greedy: {
    type: 'GreedyLR',
    summary: 'raises the rate while the loss gets better, lowers it while it does not',
    formula:
      'after `patience` + 1 good losses in a row η ← min(η/F, maxLr), after as many bad ones η ← max(F·η, minLr)',
    defaults:
      "`learningRate` or `learningRates` 1, `mode` 'min', `factor` 0.95, `patience` 10, `threshold` 1e-6, `thresholdMode` 'abs', `cooldown` 0, `warmup` 0, `minLr` η₀/10, `maxLr` 10·η₀, `eps` 1e-8, `epsMode` 'rel', `smooth` false, `windowSize` 50, `resetStart` 500, `variant` 'hf', `nonFinite` 'bad', `compat` none",
    byName: '`smooth`',
    source: 'Subramanian, Krishnamoorthy & Murthy, arXiv 2512.14527; Hugging Face transformers 5.18',
    cautions: [
      'On losses of batches use `smooth`, or noise decides.',
      'It rises to `maxLr` if it can: give it a bound that the run survives.',
      'The paper proves convergence for any schedule between two bounds, for convex losses and plain SGD; that its own is better is an experiment.',
    ],
    reads: ['loss'],
    make: ({ learningRate }) => new GreedyLR({ learningRate, smooth: true }),
  },
  'reduce-on-plateau': {
    type: 'ReduceOnPlateau',
    summary: 'lowers the rate when the loss has not improved for a while',
    formula: 'after `patience` + 1 losses in a row without improvement η ← max(factor·η, minLr)',
    defaults:
      "`learningRate` or `learningRates` 1, `mode` 'min', `factor` 0.1, `patience` 10, `threshold` 1e-4, `thresholdMode` 'rel', `cooldown` 0, `minLr` 0, `eps` 1e-8",
    byName: 'patience T/20',
    source: 'PyTorch, ReduceLROnPlateau',
    cautions: [
      'It never raises the rate.',
      'Meant for a loss after every epoch: one lucky batch sets a best that is hard to beat.',
    ],
    reads: ['loss'],
    make: ({ learningRate, totalSteps }) => new ReduceOnPlateau({ learningRate, patience: Math.ceil(totalSteps / 20) }),
  },
  hypergradient: {
    type: 'Hypergradient',
    summary: 'moves the rate along the derivative of the loss with respect to it',
    formula: 'η ← η + β·⟨g, u⟩, or η ← η·(1 + β·⟨g, u⟩/(‖g‖·‖u‖)), with u the direction of the step before',
    defaults:
      "`learningRate` or `learningRates` 1, `rule` 'additive', `rate` (β) 1e-3 or 0.02 ('multiplicative'), `minLr` 0, `maxLr` Infinity, `limit` none",
    byName: 'the multiplicative rule',
    source: 'Baydin, Cornish, Martínez Rubio, Schmidt & Wood, ICLR 2018',
    cautions: [
      'The additive β has the unit of rate² over loss: it has to be found anew for each loss. The multiplicative β has none.',
      'Batches that have little in common give ⟨g, u⟩ ≈ 0 in the mean, and a rate that stays where it began.',
      'The rate comes from the batch that it is used on; bounds for rates chosen beforehand do not hold for it.',
    ],
    reads: ['alignment', 'squaredGradient', 'squaredDirection'],
    make: ({ learningRate }) => new Hypergradient({ learningRate, rule: 'multiplicative' }),
  },
  polyak: {
    type: 'PolyakStepSize',
    summary: 'the step that would bring the loss of the batch to its lowest, were it a straight line and c = 1',
    formula: 'η = min(γ^(1/B)·η before, (f − f*)/(c·‖g‖² + ε)), B batches an epoch',
    defaults:
      "`learningRate` 1, `c` 0.5, `lowestLoss` (f*) 0, `adapt` 'smooth', `gamma` (γ) 2, `batchesPerEpoch` (B) 500, `maxLr` Infinity, `eps` (ε) 1e-8",
    source: 'Loizou, Vaswani, Laradji & Lacoste-Julien, AISTATS 2021',
    cautions: [
      'For losses that can become f* (default 0) on every batch at once. Where noise keeps them above, the rate never falls.',
      'The rate comes from the batch that it is used on; bounds for rates chosen beforehand do not hold for it.',
    ],
    reads: ['batchLoss', 'squaredGradient'],
    make: ({ learningRate }) => new PolyakStepSize({ learningRate }),
  },
}
