#!/usr/bin/env node
// `npm run bench`: builds what is stale, the roofline program too, installs the JavaScript peers, then runs the benchmarks
// (bench/METHOD.md) with the arguments given. A peer or a compiler that is not there is no failure: its rows say so.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { build } from './build.mjs'
import { bundleScript } from './lib/bundle.mjs'
import { root, step } from './lib/stamp.mjs'

const PEERS = path.join('bench', 'peers')
const ROOFLINE = path.join('build', 'bench', 'roofline')

/** Outside the addon, so that what users get holds nothing of it; the addon's compiler and optimisation. */
function roofline() {
  const source = path.join('bench', 'roofline', 'roofline.cpp')
  const compiler = process.env.CXX || 'c++'
  return step({
    name: 'roofline',
    what: `${source} to ${ROOFLINE}`,
    inputs: [path.dirname(source), 'scripts/bench.mjs'],
    facts: [process.platform, process.arch, compiler],
    outputs: [ROOFLINE],
    work: () => {
      mkdirSync(path.join(root, path.dirname(ROOFLINE)), { recursive: true })
      const flags = ['-O3', '-std=c++17', '-ffp-contract=fast', '-pthread', source, '-o', ROOFLINE]
      const done = spawnSync(compiler, flags, { cwd: root, encoding: 'utf8' })
      if (done.status !== 0) return `not built: ${done.error?.message ?? done.stderr.split('\n')[0]}`
    },
  })
}

/** The packages of bench/peers, in a folder of their own. */
function peers() {
  return step({
    name: 'bench-peers',
    what: `npm ci in ${PEERS}`,
    inputs: [path.join(PEERS, 'package.json'), path.join(PEERS, 'package-lock.json')],
    outputs: [path.join(PEERS, 'node_modules')],
    work: () => {
      const cli = process.env.npm_execpath
      const [command, ...first] = cli && existsSync(cli) ? [process.execPath, cli] : ['npm']
      const flags = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
      const options = { cwd: path.join(root, PEERS), encoding: 'utf8', shell: !cli && process.platform === 'win32' }
      const done = spawnSync(command, [...first, ...flags], options)
      if (done.status !== 0) return `not installed, so absent: ${(done.error?.message ?? done.stderr).split('\n')[0]}`
    },
  })
}

const args = process.argv.slice(2)
/** @param {string} name @returns {string[]} */
const listed = name => (args.includes(name) ? args[args.indexOf(name) + 1].split(',') : [])
const groups = listed('--groups')
// a GPU has no use for the roofs of the processor, and for the addon only by way of CUDA
const asked = groups.length > 0 ? groups : listed('--backends')
const areAll = kind => asked.length > 0 && asked.every(kind)
const isWebgpu = name => name.startsWith('webgpu')
if (!args.includes('--render') && !args.includes('--help')) {
  await build(areAll(isWebgpu) ? { native: 'off' } : {})
  if (!areAll(name => isWebgpu(name) || name === 'cuda')) await roofline()
  const usesPeers = groups.length === 0 || ['wasm', 'webgpu-race'].some(name => groups.includes(name))
  if (usesPeers && !areAll(name => name === 'cuda')) await peers()
}
// these look inside the package, so they are made from its sources
const insiders = ['contestants/kernel', 'contestants/vectors', 'contestants/gpu', 'peers/tfjs-webgpu']
for (const insider of insiders) await bundleScript(`bench/${insider}.mjs`)
const program = await bundleScript('bench/main.ts')
const done = spawnSync(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' })
process.exitCode = done.status ?? 1
