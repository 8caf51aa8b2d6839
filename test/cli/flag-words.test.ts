import { expect, test } from 'vitest'
import { fitCommand } from '../../ts/cli/fit.js'
import { inFlags } from '../../ts/cli/flag-words.js'
import { rankCommand } from '../../ts/cli/rank.js'

const MEMORY = 'set webgpu.memoryLimit (or NONNEG_WEBGPU_MEMORY) to 80 or more'

test.each([
  ['init.W is 30 × 2, not 30 × 3', '--init-w is 30 × 2, not 30 × 3'],
  ['init.H[1, 1] = -0.5', '--init-h[1, 1] = -0.5'],
  ['frozen.rows[12] is 9', 'a number of --frozen-rows is 9'],
  [MEMORY, 'set --memory-limit (or NONNEG_WEBGPU_MEMORY) to 80 or more'],
  ["violationTolerance: solver 'mu' reports none", "--violation-tolerance: solver 'mu' reports none"],
  ["use solver: 'hals', or tolerance", 'use --solver hals, or tolerance'],
  ['leave webgpu or backend out', 'leave these or --backend out'],
])('%s', (text, said) => {
  expect(inFlags(text, fitCommand())).toBe(said)
})

test('what is no flag of the command keeps its name', () => {
  for (const text of ['X[0, 0] = 0', 'set safe: true', 'onProgress is 3, not a function', "rule: 'bpp'"]) {
    expect(inFlags(text, fitCommand())).toBe(text)
  }
  expect(inFlags(MEMORY, rankCommand())).toBe(MEMORY)
  expect(inFlags("solver: 'hals' for alphaW", rankCommand())).toBe('--solver hals for --alpha-w')
  expect(inFlags(MEMORY, undefined)).toBe(MEMORY)
})
