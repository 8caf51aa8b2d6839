import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Vectors } from '../../ts/backends/vectors.js'
import type { HypergradientOptions, OptimizerKind, OptimizerOptions } from '../../ts/node.js'
import type { Kind, Setup } from '../../ts/optimizers/kind.js'
import { KINDS } from '../../ts/optimizers/kinds.js'
import type { Scheduler } from '../../ts/schedulers/scheduler.js'
import { deviceOf } from '../conformance/backends.js'
import { Halving } from './halving.js'

const FILE = new URL('../../docs/optimizers.md', import.meta.url)
const NAMES = Object.keys(KINDS) as OptimizerKind[]
const LENGTH = 4
/** Where the host puts parameters and gradients. */
const HOST = ['p', 'g']

function setupOf(name: OptimizerKind, more: Partial<OptimizerOptions>): Setup {
  const options = { ...KINDS[name].options, kind: name, ...more } as OptimizerOptions
  return { length: LENGTH, groups: [LENGTH], options, each: [options] }
}

/** The arrays that a kind keeps beside parameters and gradient, and the kernels that its second step runs. */
async function costs(kind: Kind, setup: Setup): Promise<{ arrays: readonly string[]; passes: number }> {
  const method = kind.make(setup)
  const device = await deviceOf('reference')
  await using vectors = await device.createOptimizer(LENGTH, {
    ...method.needs,
    arrays: [...HOST, ...(method.needs.arrays ?? [])],
  })
  let passes = 0
  const counted = new Proxy(vectors, {
    get(target, name) {
      if (name === 'run') passes++
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  }) as Vectors
  await vectors.fill('p', 1)
  await method.begin?.(vectors)
  for (const done of [0, 1]) {
    await vectors.fill('g', 1)
    passes = 0
    // a loss that falls with every look is accepted at once
    let loss = 1
    const lossNow = async () => {
      loss -= 10
      return loss
    }
    await method.step({ vectors: counted, done, loss, lossNow, scheduler: setup.options.scheduler })
  }
  return { arrays: vectors.arrays.filter(name => !HOST.includes(name)), passes }
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inWords).join(', ')}]`
  return typeof value === 'number' && !Number.isFinite(value) ? '∞' : String(value)
}

function kindSection(name: OptimizerKind): string[] {
  const { summary, formula, source, options } = KINDS[name]
  const own = Object.entries(options)
  const given = own
    .filter(([, value]) => value !== undefined)
    .map(([option, value]) => `\`${option}\` ${inWords(value)}`)
  const optional = own.filter(([, value]) => value === undefined).map(([option]) => `\`${option}\``)
  const lines = [`### ${name}`, '', `${summary[0].toUpperCase()}${summary.slice(1)}.`, '', '```', ...formula, '```', '']
  const none = optional.length > 0 ? `; none by default: ${optional.join(', ')}` : ''
  return [...lines, `Options: ${given.join(', ')}${none}.`, '', `Source: ${source}.`, '']
}

async function costTable(): Promise<string[]> {
  const lines = ['| kind | rates | arrays beside parameters and gradient | passes |', '| --- | --- | --- | --- |']
  for (const name of NAMES) {
    const line = async (rates: string, hypergradient?: HypergradientOptions, scheduler?: Scheduler) => {
      const { arrays, passes } = await costs(KINDS[name], setupOf(name, { hypergradient, scheduler }))
      const list = arrays.length > 0 ? `${arrays.length}: ${arrays.join(', ')}` : 'none'
      lines.push(`| \`${name}\` | ${rates} | ${list} | ${passes} |`)
    }
    const { options } = KINDS[name]
    const given = 'initialDistance' in options ? 'estimated' : 'given'
    await line('scheduler' in options ? given : 'its own')
    if (!('hypergradient' in options)) continue
    await line('of a scheduler that observes', undefined, new Halving(1))
    await line('hypergradient, global or by group', { rate: 0.1 })
    await line('hypergradient, by parameter', { rate: 0.1, granularity: 'parameter' })
  }
  return lines
}

it('docs/optimizers.md says what the table of kinds says', async () => {
  const parts: Readonly<Record<string, readonly string[]>> = {
    kinds: NAMES.flatMap(kindSection),
    costs: await costTable(),
  }
  const actual = readFileSync(FILE, 'utf8')
  let wanted = actual
  for (const [name, lines] of Object.entries(parts)) {
    const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`]
    const pattern = new RegExp(`${begin}[\\s\\S]*${end}`)
    expect(actual).toMatch(pattern)
    wanted = wanted.replace(pattern, () => [begin, '', ...lines, ...(lines.at(-1) === '' ? [] : ['']), end].join('\n'))
  }
  if (process.env.NONNEG_WRITE_DOCS) writeFileSync(FILE, wanted)
  expect(readFileSync(FILE, 'utf8')).toBe(wanted)
})
