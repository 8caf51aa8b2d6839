import { describe, expect, it } from 'vitest'
import {
  type BackendId,
  createOptimizer,
  type OptimizerKind,
  type OptimizerOptions,
  type OptimizerState,
} from '../../ts/node.js'
import { KINDS } from '../../ts/optimizers/kinds.js'
import { presentOrSkip } from '../conformance/backends.js'
import { Halving } from './halving.js'
import { BACKENDS, numbers, paramsFor, sameBits, stepThrough } from './problems.js'

/** More than one chunk where there are chunks; the reference does entry after entry. */
const groupsOn = (backend: BackendId) => (backend === 'reference' ? [301, 406] : [30_001, 40_006])
const NAMES = Object.keys(KINDS) as OptimizerKind[]
const MOVED: readonly OptimizerOptions[] = (['global', 'group', 'parameter'] as const).flatMap(granularity =>
  (['momentum', 'adam'] as const).map(kind => ({ kind, hypergradient: { rate: 1e-4, granularity } })),
)
const PATHS: readonly OptimizerOptions[] = [...NAMES.map(kind => ({ kind })), ...MOVED]

/** As a file of JSON and arrays would keep it. */
function saved({ scalars, arrays }: OptimizerState): OptimizerState {
  return { scalars: JSON.parse(JSON.stringify(scalars)), arrays: structuredClone(arrays) }
}

describe.each(BACKENDS)('state on %s', backend => {
  it.for(PATHS.map(options => [JSON.stringify(options), options] as const))(
    'goes on bit for bit: %s',
    async ([, options], context) => {
      await presentOrSkip(backend, context)
      const groups = groupsOn(backend)
      const length = groups[0] + groups[1]
      const given = { ...options, groups, backend }
      const scheduler = () =>
        'scheduler' in KINDS[options.kind].options && !options.hypergradient ? new Halving(0.1) : undefined
      const path = { length, seed: 7 }
      const straight = paramsFor(backend, numbers(length, 7))
      await using whole = await createOptimizer(straight, { ...given, scheduler: scheduler() })
      await stepThrough(whole, { ...path, from: 0, to: 3 })
      const state = saved(await whole.state())
      const middle = straight.slice()
      await stepThrough(whole, { ...path, from: 3, to: 6 })

      const params = paramsFor(backend, numbers(length, 98))
      await using other = await createOptimizer(params, { ...given, scheduler: scheduler() })
      // where it has been must not matter
      await stepThrough(other, { ...path, seed: 99, from: 0, to: 1 })
      params.set(middle)
      await other.restore(state)
      expect(other.steps).toBe(3)
      await stepThrough(other, { ...path, from: 3, to: 6 })
      expect(sameBits(params, straight)).toBe(true)
      expect(other.learningRates).toEqual(whole.learningRates)
      const [own, wanted] = [await other.state(), await whole.state()]
      expect(own.scalars).toEqual(wanted.scalars)
      for (const name of Object.keys(wanted.arrays)) expect(sameBits(own.arrays[name], wanted.arrays[name])).toBe(true)
    },
  )
})

it('goes on bit for bit where the reference keeps more digits than the parameters have', async () => {
  const options = { kind: 'momentum', learningRate: 0.01, backend: 'reference' } as const
  const gradient = (params: Float32Array) => params.map((value, i) => ((i + 1) * value) / 3)
  const straight = Float32Array.of(1, 2, 3)
  await using whole = await createOptimizer(straight, options)
  for (let step = 0; step < 30; step++) await whole.step(gradient(straight))
  const params = straight.slice()
  await using other = await createOptimizer(params, options)
  await other.restore(saved(await whole.state()))
  for (let step = 0; step < 100; step++) {
    await whole.step(gradient(straight))
    await other.step(gradient(params))
    expect(sameBits(params, straight)).toBe(true)
  }
  // parameters that were written since are those that count
  params.fill(1)
  await other.restore(saved(await whole.state()))
  expect(await other.evaluated()).toEqual(Float32Array.of(1, 1, 1))
})

it.each(['reference', 'wasm'] as const)(
  'evaluates to parameters of the type that they came in, on %s',
  async backend => {
    for (const params of [Float32Array.of(1, 2), Float64Array.of(1, 2)]) {
      await using optimizer = await createOptimizer(params, { kind: 'schedule-free-sgd', backend })
      await optimizer.step(params.slice())
      expect((await optimizer.evaluated()).constructor).toBe(params.constructor)
    }
  },
)

it('refuses the state of another optimizer, and stays as it was', async () => {
  const params = Float32Array.of(1, 2, 3)
  const options = { kind: 'momentum', hypergradient: { rate: 0.1 }, backend: 'reference' } as const
  await using optimizer = await createOptimizer(params, options)
  await optimizer.step(Float32Array.of(1, 1, 1))
  const state = await optimizer.state()
  const { scalars, arrays } = state
  const others: readonly OptimizerState[] = [
    { scalars: { ...scalars, kind: 'adam' }, arrays },
    { scalars: { ...scalars, groups: [1, 2] }, arrays },
    { scalars: { ...scalars, groups: [4] }, arrays },
    { scalars: { ...scalars, steps: -1 }, arrays },
    { scalars: { ...scalars, steps: undefined }, arrays },
    { scalars: { ...scalars, method: { rates: ['a'] } }, arrays },
    { scalars: { ...scalars, method: null }, arrays },
    { scalars, arrays: {} },
    {} as OptimizerState,
    null as unknown as OptimizerState,
    { scalars, arrays: { u: new Float64Array(2) } },
  ]
  for (const other of others) {
    await expect(optimizer.restore(other)).rejects.toMatchObject({ code: 'ERR_NONNEG_FORMAT' })
  }
  expect(await optimizer.state()).toEqual(state)
})
