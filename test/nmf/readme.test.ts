import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import * as nonneg from '../../ts/node.js'

/** The JavaScript of a section of the README, whose later blocks build on the first. */
function examples(section: string): string {
  const [, text] = readFileSync('README.md', 'utf8').split(`\n## ${section}\n`)
  const blocks = [...text.split('\n## ')[0].matchAll(/```js\n([\s\S]*?)```/g)].map(([, code]) => code)
  expect(blocks.length).toBeGreaterThan(0)
  return blocks.join('\n').replaceAll(/^import \{ (.*) \} from 'nonneg'$/gm, 'const { $1 } = nonneg')
}

it('has a scheduler that finds a minimum', () => {
  const [, section] = readFileSync('README.md', 'utf8').split('\n## Schedulers\n')
  const [, block] = /```js\n([\s\S]*?)```/.exec(section)!
  const code = block.replace(/^import (\{.*\}) from 'nonneg\/schedulers'$/m, 'const $1 = nonneg')
  const { x, saved } = new Function('nonneg', `${code}\nreturn { x, saved }`)(nonneg)
  expect(Math.abs(x)).toBeLessThan(1e-3)
  expect(saved).toHaveProperty('best')
})

it('says what runs, and what comes of it', async () => {
  const names = ['fit', 'topics', 'ratings', 'filled', 'trained', 'parts']
  const run = new Function('nonneg', `return (async () => {\n${examples('Use')}\nreturn { ${names.join(', ')} } })()`)
  const fits = (await run(nonneg)) as Record<string, nonneg.Factorization>
  for (const name of names) expect(fits[name].iterations, name).toBeGreaterThan(0)
  const { W, H } = fits.filled
  expect(W.data[0] * H.data[2]).toBeCloseTo(3, 2)
  expect(W.data[2] * H.data[1]).toBeCloseTo(6, 2)
  expect(fits.parts.solver).toBe('ahals')
})

it('has stochastic steps whose rates are told of, and bounds', async () => {
  const code = `return (async () => {\n${examples('Stochastic steps')}\nreturn { steered } })()`
  const { steered } = (await new Function('nonneg', code)(nonneg)) as { steered: nonneg.Factorization }
  const [first, last] = [steered.history[0], steered.history.at(-1)!]
  expect(last.loss).toBeLessThan(first.loss)
  expect(first.learningRates!.H).toBeGreaterThan(last.learningRates!.H)
  // and what docs/stability.md shows
  const blocks = [...readFileSync('docs/stability.md', 'utf8').matchAll(/```js\n([\s\S]*?)```/g)].map(
    ([, text]) => text,
  )
  const bounds = blocks[0].matchAll(/^(stabilityBound\(.*?\)) +\/\/ (\S+?)[…:]?(?: |$)/gm)
  const shown = [...bounds]
  expect(shown).toHaveLength(4)
  for (const [, call, value] of shown) {
    const own = new Function(
      'nonneg',
      `const { stabilityBound } = nonneg\nconst H = [[1, 0, 2], [0, 1, 1]]\nreturn ${call}`,
    )
    const [over, under = '1'] = value.split('/')
    expect(own(nonneg)).toBeCloseTo(Number(over) / Number(under), 5)
  }
  const run = blocks[1].replaceAll(/^import (\{.*\}) from 'nonneg'$/gm, 'const $1 = nonneg')
  const fits = await new Function('nonneg', `return (async () => {\n${run}\nreturn { annealed, steered } })()`)(nonneg)
  expect(fits.annealed.iterations).toBeGreaterThan(0)
  expect(fits.steered.history[0].learningRates.W).toBe(0.5)
})

it('has an optimizer that comes to the minimum', async () => {
  const code = `return (async () => {\n${examples('Optimizers')}\nreturn { params, optimizer } })()`
  const { params, optimizer } = await new Function('nonneg', code)(nonneg)
  expect(params[0]).toBeCloseTo(3, 3)
  expect(params[1]).toBeCloseTo(-1, 3)
  expect(optimizer.learningRate).toBeGreaterThan(1e-3)
})
