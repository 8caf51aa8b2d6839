#!/usr/bin/env node
// `npm run bench:objective`: builds what is stale, then measures how long scikit-learn and nonneg's solvers take to one
// objective (bench/METHOD.md), with the arguments given. Needs a Python with scikit-learn, and fetches data below build/.
import { spawnSync } from 'node:child_process'
import { build } from './build.mjs'
import { bundleScript } from './lib/bundle.mjs'
import { root } from './lib/stamp.mjs'

const args = process.argv.slice(2)
if (!args.includes('--render') && !args.includes('--help')) {
  await build()
  await bundleScript('bench/objective/fit.mjs')
}
const program = await bundleScript('bench/objective/main.ts')
const done = spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' })
process.exitCode = done.status ?? 1
