import { expect, it } from 'vitest'
import type { Device, Fit, FitSpec, Problem } from '../../../ts/backends/backend.js'
import { ResidentFit } from '../../../ts/nmf/schedule/resident.js'

const spec = (seed: number): FitSpec => ({
  ...{ rank: 2, beta: 2, rule: 'sgd', dtype: 'f32', batches: true },
  sgd: { safety: 0.95, noise: 1, seed },
})

it('keeps one fit as long as the spec is the same, and frees it before it makes another', async () => {
  const said: string[] = []
  const device = {
    createFit: async (_: Problem, { sgd }: FitSpec) => {
      const own = `fit ${sgd?.seed}`
      said.push(`make ${own}`)
      return { [Symbol.asyncDispose]: async () => void said.push(`free ${own}`) } as unknown as Fit
    },
  } as unknown as Device
  const resident = new ResidentFit(device, {} as Problem)
  const first = await resident.of(spec(1))
  expect(await resident.of(spec(1))).toBe(first)
  expect(await resident.of(spec(2))).not.toBe(first)
  await resident[Symbol.asyncDispose]()
  await resident[Symbol.asyncDispose]()
  expect(said).toEqual(['make fit 1', 'free fit 1', 'make fit 2', 'free fit 2'])
  await resident.of(spec(2))
  expect(said.at(-1)).toBe('make fit 2')
})

it('holds nothing after a fit that could not be made', async () => {
  let works = true
  const device = {
    createFit: async () => {
      if (!works) throw new Error('no room')
      return { [Symbol.asyncDispose]: async () => {} } as unknown as Fit
    },
  } as unknown as Device
  const resident = new ResidentFit(device, {} as Problem)
  const first = await resident.of(spec(1))
  works = false
  await expect(resident.of(spec(2))).rejects.toThrow('no room')
  works = true
  expect(await resident.of(spec(1))).not.toBe(first)
})
