#!/usr/bin/env node
// `npm run bench`: builds what is stale, then runs the benchmarks (bench/METHOD.md) with the arguments given.
import { spawnSync } from 'node:child_process'
import { build } from './build.mjs'
import { bundleScript } from './lib/bundle.mjs'
import { root } from './lib/stamp.mjs'

await build()
const program = await bundleScript('bench/main.ts')
const done = spawnSync(process.execPath, [program, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
process.exitCode = done.status ?? 1
