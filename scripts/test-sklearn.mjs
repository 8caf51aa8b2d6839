#!/usr/bin/env node
// `npm run test:sklearn -- --seed 7`: derives golden files from scikit-learn anew, on the matrices of that seed, into
// build/golden, and runs the golden tests against them. Without a seed it takes one from the clock and says so.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { timed } from './lib/say.mjs'
import { root } from './lib/stamp.mjs'

const OUT = path.join('build', 'golden')

/** @returns {never} */
function fail(message, code) {
  process.stderr.write(`${message}\n`)
  process.exit(code)
}

/** The first Python that has scikit-learn. Debian's packages belong to /usr/bin/python3, whatever comes first on the path. */
function python() {
  const found = [process.env.PYTHON, 'python3', '/usr/bin/python3', 'python'].filter(Boolean)
  for (const command of found) {
    const done = spawnSync(command, ['-c', 'import sklearn'], { stdio: 'ignore' })
    if (done.status === 0) return command
  }
  const fix = 'apt-get install python3-sklearn, or set PYTHON to one that has it'
  return fail(`No Python with scikit-learn was found (tried ${found.join(', ')}).\n${fix}`, 2)
}

function seedOf(args) {
  if (args.length === 0) return Date.now() % 2 ** 31
  const seed = args[0] === '--seed' && args.length === 2 && /^\d+$/.test(args[1]) ? Number(args[1]) : Number.NaN
  return Number.isSafeInteger(seed) ? seed : fail('usage: npm run test:sklearn -- --seed WHOLE_NUMBER', 2)
}

const seed = seedOf(process.argv.slice(2))
const command = python()
await timed('golden', `seed ${seed}, by scikit-learn of ${command}, to ${OUT}`, () => {
  const args = [path.join('test', 'golden', 'derive.py'), '--seed', String(seed), '--out', OUT]
  const done = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  if (done.status !== 0) fail(`\n${done.error?.message ?? done.stderr}`, 1)
})
const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
const done = spawnSync(process.execPath, [vitest, 'run', 'test/golden'], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NONNEG_GOLDEN: OUT },
})
if (done.status !== 0)
  process.stderr.write(`The tests of seed ${seed} failed: npm run test:sklearn -- --seed ${seed}\n`)
process.exitCode = done.status ?? 1
