#!/usr/bin/env node
// The whole gate: every check prints PASS or FAIL with its duration, and the last line counts them all.
//   npm test
//   npm test -- --only vitest test/data        one check, and files for vitest
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { houseRules } from './house-rules.mjs'
import { since } from './lib/say.mjs'
import { root } from './lib/stamp.mjs'

/** @typedef {{ passed: number, failed: number, skipped: number, text?: string }} Counts */

const bin = (name, file) => path.join(root, 'node_modules', name, file)

/** A command that passes by exiting with 0; its output is shown only where it fails. @returns {Counts} */
function command(...args) {
  const done = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
  if (done.status === 0) return { passed: 1, failed: 0, skipped: 0 }
  const cause = done.error?.message ?? (done.status === null ? `ended by ${done.signal}` : '')
  return { passed: 0, failed: 1, skipped: 0, text: [done.stdout, done.stderr, cause].filter(Boolean).join('\n').trim() }
}

/** A check that throws has failed. @param {() => Counts} run @returns {Counts} */
function attempt(run) {
  try {
    return run()
  } catch (error) {
    return { passed: 0, failed: 1, skipped: 0, text: error instanceof Error ? error.stack : String(error) }
  }
}

/** @returns {Counts} */
function rules() {
  const all = houseRules()
  const broken = all.filter(rule => rule.problems.length > 0)
  const text = broken.map(rule => `${rule.name}:\n${rule.problems.map(line => `  ${line}`).join('\n')}`).join('\n')
  return { passed: all.length - broken.length, failed: broken.length, skipped: 0, text }
}

/** Counts from vitest's own report. Whatever it cannot tell (a crash, a file that does not load) is a failure. @returns {Counts} */
function vitest(filters) {
  const report = path.join(root, 'build', 'test', 'vitest.json')
  mkdirSync(path.dirname(report), { recursive: true })
  rmSync(report, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const done = spawnSync(process.execPath, [bin('vitest', 'vitest.mjs'), 'run', ...reporters, ...filters], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1' },
  })
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
    const tests = testResults.flatMap(file => file.assertionResults)
    const count = status => tests.filter(test => test.status === status).length
    const brokenFiles = testResults.filter(
      file => file.status === 'failed' && !file.assertionResults.some(test => test.status === 'failed'),
    )
    const passed = count('passed')
    const known = count('failed') + brokenFiles.length
    const failed = known === 0 && (done.status !== 0 || tests.length === 0) ? 1 : known
    const isLeft = test => test.status !== 'passed' && test.status !== 'failed'
    const left = tests.filter(isLeft)
    const text = testResults
      .map(file => ({ name: path.relative(root, file.name), skipped: file.assertionResults.filter(isLeft).length }))
      .flatMap(({ name, skipped }) => (skipped > 0 ? [`  skipped: ${skipped} of ${name}`] : []))
      .join('\n')
    return { passed, failed, skipped: left.length, text }
  } catch (error) {
    return { passed: 0, failed: 1, skipped: 0, text: `vitest left no report that can be read: ${error}` }
  }
}

const tsc = bin('typescript', 'bin/tsc')
const args = process.argv.slice(2)
const only = args[0] === '--only' ? (args[1] ?? '').split(',') : undefined
const filters = only ? args.slice(2) : args

/** @type {Record<string, () => Counts>} */
const checks = {
  types: () => command(tsc, '-p', 'tsconfig.json', '--noEmit'),
  'types-tools': () => command(tsc, '-p', 'tsconfig.tools.json'),
  lint: () => command(bin('@biomejs/biome', 'bin/biome'), 'check', '--error-on-warnings', '.'),
  'format-native': () => command('scripts/format-native.mjs'),
  rules,
  publint: () => command(bin('publint', 'src/cli.js'), 'run', '--strict'),
  vitest: () => vitest(filters),
}

const unknown = only?.filter(name => !(name in checks)) ?? []
if (unknown.length > 0) {
  process.stderr.write(`no check is called ${unknown.join(', ')}; there are ${Object.keys(checks).join(', ')}\n`)
  process.exit(2)
}

const total = { passed: 0, failed: 0, skipped: 0 }
for (const [name, run] of Object.entries(checks)) {
  if (only && !only.includes(name)) continue
  const start = performance.now()
  const counts = attempt(run)
  for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += counts[key]
  if (counts.text) process.stdout.write(`${counts.text}\n`)
  const tally = counts.passed + counts.failed + counts.skipped > 1 ? `, ${counts.passed} passed` : ''
  process.stdout.write(`${counts.failed === 0 ? 'PASS' : 'FAIL'} ${name.padEnd(14)} ${since(start)}${tally}\n`)
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1
