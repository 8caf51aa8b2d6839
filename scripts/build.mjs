#!/usr/bin/env node
// Builds what is missing or stale, in order: kernels and workers become TypeScript modules, TypeScript becomes dist/,
// C++ becomes the addon. Each step keeps a stamp of its inputs, so a second run does nothing.
//   npm run build                     NONNEG_NATIVE=auto|require|off decides about the addon
// A build by hand is a developer's, so it includes the CPU emulation of CUDA that the tests use.
import { spawnSync } from 'node:child_process'
import { chmodSync, rmSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { root, step } from './lib/stamp.mjs'

// What a step makes also depends on the compilers, and these are in the lock file.
const always = ['package-lock.json', 'scripts/build.mjs']

// What package.json names.
const ENTRIES = ['index', 'node', 'browser', 'data/index', 'data/browser', 'schedulers/index', 'tfjs/index', 'cli/main']

// Node pays about a millisecond for every file that it loads. So what is needed at once lies in one file each: the schedulers
// for themselves, as they are imported without the rest; what every platform needs, browsers too; what Node needs beside
// that for any fit; and what two or more of those need that are loaded when they are wanted. What the addon and the devices
// that come later have in common must not lie with the addon, which browsers never load.
const SHARED = [
  { home: 'schedulers', entries: ['schedulers/index'], least: 1 },
  { home: 'core', entries: ['browser', 'backends/momentum', 'backends/vectors'], least: 1 },
  { home: 'node', entries: ['node'], least: 1 },
  {
    home: 'devices',
    entries: [
      ...['native/vectors', 'wasm/device', 'webgpu/device', 'reference/device'].map(module => `backends/${module}`),
      'optimizers/make-optimizer',
    ],
    least: 2,
  },
]

const sourceOf = entry => path.join(root, 'ts', `${entry}.ts`)

/** Tells for each module which of the shared files it lies in: the first of which at least so many entries import it. */
function sharing() {
  let homes
  const reached = (entry, getModuleInfo) => {
    const modules = new Set([sourceOf(entry)])
    for (const module of modules) for (const imported of getModuleInfo(module).importedIds) modules.add(imported)
    return modules
  }
  const settle = getModuleInfo => {
    const own = ENTRIES.map(entry => [sourceOf(entry), null])
    for (const { home, entries, least } of SHARED) {
      const sets = entries.map(entry => reached(entry, getModuleInfo))
      for (const module of new Set(sets.flatMap(set => [...set]))) {
        if (sets.filter(set => set.has(module)).length >= least) own.push([module, home])
      }
    }
    // the first entry of a module counts, and a Map keeps the last
    return new Map(own.reverse())
  }
  return (id, context) => {
    homes ??= settle(module => context.getModuleInfo(module))
    return homes.get(id)
  }
}

async function modules() {
  const { rolldown } = await import('rolldown')
  const bundle = await rolldown({
    cwd: root,
    input: Object.fromEntries(ENTRIES.map(entry => [entry, sourceOf(entry)])),
    platform: 'neutral',
    external: /^[^./]/,
    // what `includeDependenciesRecursively` asks for; no entry lies in a shared file, so none exports more than it says
    preserveEntrySignatures: 'allow-extension',
    resolve: { extensionAlias: { '.js': ['.ts'] } },
    transform: { target: 'es2022' },
    logLevel: 'warn',
  })
  await bundle.write({
    dir: path.join(root, 'dist'),
    chunkFileNames: 'chunks/[name]-[hash].js',
    comments: false,
    codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: sharing(), debugName: 'shared' }] },
  })
  await bundle.close()
  chmodSync(path.join(root, 'dist', 'cli', 'main.js'), 0o755)
}

function declarations() {
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const args = [tsc, '-p', 'tsconfig.json', '--emitDeclarationOnly']
  const done = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' })
  if (done.status !== 0) throw new Error(`${done.stdout}${done.stderr}`)
}

function typescript() {
  return step({
    name: 'typescript',
    what: 'ts/ to dist/',
    inputs: [...always, 'ts', 'tsconfig.base.json', 'tsconfig.json'],
    outputs: [...ENTRIES.map(entry => `dist/${entry}.js`), 'dist/index.d.ts'],
    work: async () => {
      // Emptied first: a file whose source is gone would otherwise be packed.
      rmSync(path.join(root, 'dist'), { recursive: true, force: true })
      declarations()
      await modules()
    },
  })
}

/** @param {'auto' | 'require' | 'off'} native @param {boolean} emulation */
async function addon(native, emulation) {
  if (native === 'off') return
  const { buildNative } = await import('./build-native.mjs')
  let problem
  await step({
    name: 'native',
    what: 'native/ to build/Release',
    inputs: [...always, 'scripts/build-native.mjs', 'native', 'CMakeLists.txt'],
    facts: [process.platform, process.arch],
    outputs: ['build/Release/nonneg.node', ...(emulation ? ['build/Release/emulation/libcuda.so.1'] : [])],
    work: async () => {
      const { built, reason, fix } = await buildNative({ quiet: true, emulation })
      if (built) return
      problem = `${reason}. ${fix}`.replace(/\s+/g, ' ')
      return `not built${native === 'auto' ? ', WASM does its work' : ''}: ${problem}`
    },
  })
  if (problem && native === 'require') throw new Error(`NONNEG_NATIVE=require, but the addon was not built: ${problem}`)
}

/** @param {{ native?: string, emulation?: boolean }} options */
export async function build({ native = process.env.NONNEG_NATIVE || 'auto', emulation = false } = {}) {
  if (!['auto', 'require', 'off'].includes(native)) {
    throw new Error(`NONNEG_NATIVE is '${native}'; it may be auto, require or off.`)
  }
  const { buildWasm } = await import('./build-wasm.mjs')
  await buildWasm()
  const { embedShaders } = await import('./embed-shaders.mjs')
  await embedShaders()
  const { buildWorkers } = await import('./build-workers.mjs')
  await buildWorkers()
  await typescript()
  await addon(native, emulation)
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await build({ emulation: true })
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
    process.exitCode = 1
  }
}
