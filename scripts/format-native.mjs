#!/usr/bin/env node
// clang-format over all C++ and CUDA sources: checks, or with --write rewrites. Exits with 1 where something differs.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { filesUnder, root } from './lib/stamp.mjs'

const SOURCE = /\.(h|cpp|inl|cu|cuh)$/

const clangFormat = createRequire(import.meta.url).resolve('clang-format')
const files = filesUnder('native').filter(file => SOURCE.test(file))
if (files.length === 0) throw new Error('no C++ source was found below native')
const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '-Werror', '--ferror-limit=1']
const done = spawnSync(process.execPath, [clangFormat, ...mode, ...files], { cwd: root, encoding: 'utf8' })
process.stderr.write(`${done.error?.message ?? done.stderr}`)
process.exitCode = done.status === 0 ? 0 : 1
