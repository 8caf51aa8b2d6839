import { SCHEDULER_NAMES, SCHEDULERS, type SchedulerName } from '../../ts/schedulers/api.js'
import { table } from '../report.js'
import { START, STEPS } from './problem.js'
import { stabilitySection } from './stability-section.js'

/** What to take, by what is known of the run. */
const CHOICES: readonly (readonly [string, readonly SchedulerName[], string])[] = [
  [
    'the number of steps is known, and little else',
    ['cosine', 'linear'],
    'the rate goes to 0 just in time, and the noise with it',
  ],
  ['the run may be stopped or prolonged at any time', ['inverse-time', 'inverse-sqrt'], 'no end is assumed'],
  [
    'the run may be prolonged, and has to end well',
    ['warmup-stable-decay'],
    'only the last steps decay; go on from before them',
  ],
  ['the first rate is a guess', ['greedy', 'hypergradient'], 'both raise and lower it by what they see'],
  [
    'there is a validation loss after every epoch',
    ['reduce-on-plateau', 'greedy'],
    'they act on stalls, not on a plan',
  ],
  ['every batch can be fitted exactly', ['polyak'], 'the loss itself says how far to go'],
  ['few steps, and a first rate that is too bold at once', ['one-cycle'], 'short warm-up, high peak, long fall'],
  [
    'many local minima are to be seen',
    ['cosine-restarts', 'cyclic'],
    'each rise leaves the neighbourhood; keep the best',
  ],
  ['recipes from a paper', ['step', 'multi-step', 'exponential', 'polynomial'], 'what most of them used'],
  ['none of it fits', ['sequential', 'chained'], 'schedulers made of schedulers'],
  ['a claim is to be tested', ['constant'], 'tuned as well as its rivals: often hard to beat'],
]

const link = (name: SchedulerName) => `[${name}](#${anchor(name)})`

/** As GitHub makes it of the heading. */
const anchor = (name: SchedulerName) => name.replaceAll('.', '')

function overview(): string[] {
  const rows = SCHEDULER_NAMES.map(name => {
    const { type, summary, reads } = SCHEDULERS[name]
    return [
      link(name),
      `\`${type}\``,
      summary,
      reads.length === 0 ? 'the step' : reads.map(field => `\`${field}\``).join(', '),
    ]
  })
  return table(['name', 'class', 'what it does', 'reads'], rows)
}

function section(name: SchedulerName): string[] {
  const { type, summary, formula, defaults, byName, source, cautions } = SCHEDULERS[name]
  return [
    `## ${name}`,
    '',
    `\`${type}\`: ${summary}.`,
    '',
    `![Rate and loss over ${STEPS} steps: ${name}](schedulers/${name}.svg)`,
    '',
    `- Formula: ${formula}.`,
    `- Options: ${defaults}.`,
    ...(byName ? [`- By name: ${byName}.`] : []),
    `- Source: ${source}.`,
    ...cautions.map(caution => `- Mind: ${caution}`),
    '',
  ]
}

/** docs/schedulers.md. */
export function schedulersPage(): string {
  return `${[
    '# Learning-rate schedulers',
    '',
    'A scheduler is a plain object that says how long the next step is to be. It knows nothing of matrices: any training loop can',
    'hold one. `nonneg/schedulers` has all of them and no kernel, for Node and for pages; `nonneg` has them as well.',
    '',
    '```js',
    "import { GreedyLR, schedulerFrom } from 'nonneg/schedulers'",
    '',
    'const scheduler = new GreedyLR({ learningRate: 0.1, patience: 2, maxLr: 0.5 })',
    'let loss',
    'for (let step = 0; step < 100; step++) {',
    '  const rate = scheduler.next(loss)        // before each step, with what was seen since the last',
    '  loss = 1 / (1 + step * rate)             // one step of yours',
    '}',
    'const saved = JSON.stringify(scheduler.state())',
    'scheduler.restore(JSON.parse(saved))       // goes on as if nothing had happened',
    '',
    "schedulerFrom('cosine', { learningRate: 0.1, totalSteps: 100 }).next({ step: 50 })",
    '```',
    '',
    '- `next(observation)` answers the rate of the step to come. The first call is for step 0, each further one for the next;',
    '  `next({ step })` answers for that step. A number is short for `{ loss }`.',
    '- `learningRate` is the last answer. Made with `learningRates`, a scheduler has one for each group of parameters and tells all in',
    '  `learningRates`; a schedule keeps them in proportion to the first.',
    '- `state()` is JSON, `restore(state)` goes on from it, `clone()` is another at the same place. `observes` is false where the',
    '  rate depends on the step alone.',
    '- Classes take `learningRate` 1 unless told otherwise: a schedule is then the factor of its formula. By name,',
    '  `schedulerFrom(name, { learningRate, totalSteps })` makes one with defaults that suit the run; `SCHEDULERS` is the table that',
    '  this page is made from.',
    '- Any object with these methods and properties is a scheduler, and can stand wherever one of these can.',
    '- All arithmetic is in float64 on the host, so a trace is the same whatever backend computes.',
    '',
    '## Which one',
    '',
    ...table(
      ['if', 'take', 'because'],
      CHOICES.map(([when, names, why]) => [when, names.map(link).join(' or '), why]),
    ),
    '',
    'No schedule is best everywhere. Compare on the problem at hand, each with a rate that was tuned for it: one rate for all',
    'favours whichever it suits.',
    '',
    ...overview(),
    '',
    '## The pictures',
    '',
    `All are of one problem: plain SGD for ${STEPS} steps on a quadratic in 20 directions with curvatures from 0.02 to L = 1, whose`,
    'batches have their minima at random places around the true one. Rates are shares of 2/L, from which on such steps diverge;',
    `each scheduler was made by name with η₀ = ${START} and capped at 0.95. Grey is the constant rate. The loss is the true one,`,
    'which no scheduler sees: they are shown that of the batch. One seed, one untuned η₀: the pictures show how schedulers behave,',
    'not which is best.',
    '',
    'In the formulas t is the step from 0, T `totalSteps`, w `warmupSteps`, η₀ `learningRate`, and p = (t − w)/(T − w) the progress,',
    'at most 1. In the w steps before, the rate rises evenly from 0, which is also the rate of the very first step.',
    '',
    ...SCHEDULER_NAMES.flatMap(section),
    ...greedySection(),
    ...stabilitySection(),
    '## Whose statements these are',
    '',
    'Formulas and defaults are those of the sources that each section names. Ours are: bounds of GreedyLR relative to its first',
    "rate, its `epsMode`, `nonFinite` and function for `maxLr`, its variant 'continue'; rates ≥ 0 and cosines per group under",
    'Hypergradient; that PolyakStepSize goes on from the last rate above 0; that Cosine stays at its end.',
    '',
    'This page is made from the registry; `NONNEG_WRITE_DOCS=1 npm test -- --only vitest test/schedulers` rewrites it.',
  ]
    .join('\n')
    .trimEnd()}\n`
}

/** What the options of the one with the most of them mean. */
function greedySection(): string[] {
  return [
    '## The variants of GreedyLR',
    '',
    ...table(
      ['variant', 'what it is'],
      [
        [
          "`'hf'`",
          'the class of Hugging Face transformers 5.18: while `cooldown` or `warmup` lasts no metric counts at all; after `resetStart` falls at `minLr` it begins anew, first rate included',
        ],
        [
          "`'paper'`",
          'Algorithm 2 of the paper and its authors’ code: `cooldown` mutes bad metrics, `warmup` good ones; after `resetStart` metrics it forgets the best one',
        ],
        [
          "`'continue'`",
          'as the authors’ article says in words: goes on falling through `cooldown` and rising through `warmup`. The definition is ours',
        ],
        [
          "`'simple'`",
          'Algorithm 1: compares with the metric before and moves at every one of them, without patience, threshold or reset',
        ],
      ],
    ),
    '',
    "`compat: 'hf'` takes Hugging Face's defaults for what is not given (`minLr` 1e-3, `maxLr` 1, `eps` as a difference), and its mean,",
    "a running sum that one metric that is not finite spoils for good. Traces of 'hf' and 'paper' are then theirs to 1e-12.",
    '',
    '- `minLr` above the first rate: no fall is ever made. `maxLr` below it: no rise. Hugging Face’s `minLr` of 1e-3 is above the',
    '  usual rates of Adam.',
    '- With `eps` as a difference, rates below about eps/(1 − F) never move.',
    '- The paper advises a factor of 0.5 or more. Its "optimal factor" 1 − 1/L depends on the unit of the loss and is no rule here.',
    '',
  ]
}
