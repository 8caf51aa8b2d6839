import { expect, it } from 'vitest'
import { argumentComplaints } from '../../bench/arguments.js'

const KNOWN = ['native', 'cuda']

it('has nothing against known backends and counts, or none', () => {
  expect(argumentComplaints({}, KNOWN)).toEqual([])
  expect(argumentComplaints({ backends: 'cuda,native', rounds: '11', threads: '1' }, KNOWN)).toEqual([])
})

it('names what it does not know, and what there is', () => {
  expect(argumentComplaints({ backends: 'gpu,native,' }, KNOWN)).toEqual([
    'there is no backend "gpu", ""; there are native, cuda',
  ])
})

it.each(['0', 'abc', '', '-1', '2.5', '1e2', ' 3'])('refuses %j as a count', text => {
  expect(argumentComplaints({ rounds: text, threads: text }, KNOWN)).toEqual([
    `--rounds is "${text}", not a whole number from 1`,
    `--threads is "${text}", not a whole number from 1`,
  ])
})
