import { expect, it } from 'vitest'
import { type FitProblem, fitName, parseFit, problemName } from '../../bench/problem.js'

const PROBLEMS: Readonly<Record<string, FitProblem>> = {
  'mu:f32:2000x64x1000': { rule: 'mu', dtype: 'f32', rows: 2000, rank: 64, columns: 1000 },
  'hals:f64:7x2x5': { rule: 'hals', dtype: 'f64', rows: 7, rank: 2, columns: 5 },
  'mu:f32:2700x20x13714:loss=kullback-leibler:nonzeros=2282976': {
    rule: 'mu',
    dtype: 'f32',
    rows: 2700,
    rank: 20,
    columns: 13714,
    loss: 'kullback-leibler',
    nonzeros: 2_282_976,
  },
}

for (const [name, problem] of Object.entries(PROBLEMS)) {
  it(`${name} is written and read`, () => {
    expect(fitName(problem)).toBe(name)
    expect(parseFit(name)).toEqual(problem)
  })
}

it('leaves the loss out where it is the usual one', () => {
  expect(fitName({ ...PROBLEMS['mu:f32:2000x64x1000'], loss: 'frobenius' })).toBe('mu:f32:2000x64x1000')
})

it('names what is no fit', () => {
  expect(problemName('fma', 'f32', [])).toBe('fma:f32')
  expect(problemName('adam', 'f32', [1000], { step: 2, none: undefined })).toBe('adam:f32:1000:step=2')
})

for (const text of [
  '',
  'mu:f32',
  'mu:f16:1x1x1',
  'sgd:f32:1x1x1',
  'mu:f32:0x1x1',
  'mu:f32:1x1',
  'mu:f32:1x1x1:loss=no',
]) {
  it(`"${text}" is refused`, () => {
    expect(() => parseFit(text)).toThrow(RangeError)
  })
}
