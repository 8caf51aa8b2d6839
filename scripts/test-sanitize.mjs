#!/usr/bin/env node
// `npm run test:sanitize`: the native tests, and the native part of the conformance suite, on an addon that is built with
// AddressSanitizer and UndefinedBehaviorSanitizer. A finding ends the process that made it, and with it the test.
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { build } from './build.mjs'
import { buildNative, sanitizerEnvironment } from './build-native.mjs'
import { root } from './lib/stamp.mjs'

// each in a run of its own, so that `-t` can choose the backend
const RUNS = [['test/native'], ['test/conformance', '-t', 'native']]

await build()
const { built, reason, fix } = await buildNative({ quiet: true, sanitize: true })
if (!built) {
  process.stderr.write(`The sanitized addon was not built: ${reason}\n${fix}\n`)
  process.exit(1)
}
const env = {
  ...process.env,
  ...sanitizerEnvironment(),
  NONNEG_NATIVE_PATH: path.join(root, 'build', 'sanitize', 'nonneg.node'),
  NONNEG_REQUIRE: 'native',
}
for (const filters of RUNS) {
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs')
  // code at -O1 with checks around every access is ten times slower
  const args = [vitest, 'run', ...filters, '--testTimeout=300000', ...process.argv.slice(2)]
  const done = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit', env })
  if (done.status !== 0) process.exitCode = 1
}
