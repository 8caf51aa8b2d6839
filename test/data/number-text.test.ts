import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decimal, parseDecimal, shortestFloat32 } from '../../ts/data/number-text.js'
import { utf8 } from './helpers.js'

/** Parsed in the middle of other digits, which must not be looked at. */
function parsed(text: string): number {
  const bytes = utf8(`99${text}99`)
  return parseDecimal(bytes, 2, bytes.length - 2)
}

test('property: every way to write a double reads as Number reads it', () => {
  const double = fc.double({ noNaN: true, noDefaultInfinity: true })
  const spelled = fc.oneof(
    double.map(String),
    double.map(value => value.toExponential()),
    fc.tuple(double, fc.integer({ min: 1, max: 30 })).map(([value, digits]) => value.toPrecision(digits)),
    fc.stringMatching(/^[+-]?[0-9]{0,20}\.?[0-9]{1,20}([eE][+-]?[0-9]{1,3})?$/),
  )
  fc.assert(
    fc.property(spelled, text => {
      expect(parsed(text)).toBe(Number(text))
      expect(decimal(text)).toBe(Number(text))
    }),
    { numRuns: 2000 },
  )
})

test.each([
  '',
  '-',
  '+',
  '.',
  'e5',
  '1e',
  '1e+',
  '1.2.3',
  '1 2',
  ' 1',
  '1_0',
  '0x1f',
  '0b1',
  'nan',
  'inf',
  '1,5',
  '--1',
  '1f',
])('%j is not a number', text => {
  expect(parsed(text)).toBeNaN()
  expect(decimal(text)).toBeNaN()
})

test.each([
  ['5.', 5],
  ['.5', 0.5],
  ['+1', 1],
  ['-0', -0],
  ['007', 7],
  ['1e400', Number.POSITIVE_INFINITY],
  ['1e-400', 0],
  ['1e99999999999999999999', Number.POSITIVE_INFINITY],
  ['0e99999999999999999999', 0],
])('%j is %d', (text, value) => {
  expect(parsed(text)).toBe(value)
  expect(decimal(text)).toBe(value)
})

test('property: the shortest text of a float32 reads back as itself, and is no longer than the double’s', () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), value => {
      const text = shortestFloat32(value)
      expect(Math.fround(Number(text))).toBe(value === 0 ? 0 : value)
      expect(text.length).toBeLessThanOrEqual(String(value).length)
    }),
    { numRuns: 2000 },
  )
  expect(shortestFloat32(Math.fround(0.1))).toBe('0.1')
})
