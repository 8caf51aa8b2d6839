#!/usr/bin/env node
// Builds the native addon with the compiler that is here, in this repository as in node_modules/nonneg. It downloads
// nothing and needs nothing but Node, CMake, a C++ compiler and the headers of two small packages.
//   node scripts/build-native.mjs [--quiet] [--baseline] [--emulation] [--sanitize]
//   NONNEG_NATIVE=off builds nothing; require exits with 1 where the addon cannot be built; auto (default) says why not.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { hashOf, root } from './lib/stamp.mjs'

const STATUS = path.join(root, 'build', 'native-status.json')
const STAMP = path.join(root, 'build', 'stamps', 'addon')

const GET = {
  cmake: {
    linux: 'sudo apt install cmake (or the like of your distribution), then',
    darwin: 'brew install cmake, then',
    win32: 'winget install Kitware.CMake, then',
  },
  compiler: {
    linux: 'sudo apt install g++ (or the like of your distribution), then',
    darwin: 'xcode-select --install, then',
    win32: 'install the Visual Studio Build Tools with "C++ Clang tools for Windows", then',
  },
}

/** A failure to build that is the machine's, with the way out. */
class NotBuilt extends Error {
  constructor(reason, fix) {
    super(reason)
    this.fix = fix
  }
}

const hint = what => GET[what][process.platform] ?? GET[what].linux

const jobs = String(availableParallelism())

const starts = (command, args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0

function checkTools() {
  if (!starts('cmake', ['--version'])) throw new NotBuilt('CMake was not found', hint('cmake'))
  // on Windows CMake itself looks for Visual Studio, wherever it is installed
  if (process.platform === 'win32') return
  const compilers = [process.env.CXX, 'c++', 'g++', 'clang++'].filter(Boolean)
  if (!compilers.some(compiler => starts(compiler, ['--version']))) {
    throw new NotBuilt('a C++ compiler was not found', hint('compiler'))
  }
}

/** Where a package is, seen from this package or else from the project in the current folder. */
function packageFolder(name, from = [path.join(root, 'package.json'), path.join(process.cwd(), 'package.json')]) {
  for (const place of from) {
    for (const folder of createRequire(place).resolve.paths(name) ?? []) {
      const found = path.join(folder, name)
      if (existsSync(path.join(found, 'package.json'))) return realpathSync(found)
    }
  }
  return undefined
}

/**
 * The commands that configure and build. With cmake-js, which knows every platform, or without it from the headers alone.
 * @param {string} work the build folder @param {string[]} definitions
 */
function commandsOf(work, definitions) {
  const cmakeJs = packageFolder('cmake-js')
  const beside = cmakeJs ? [path.join(cmakeJs, 'package.json')] : []
  const wrapper = packageFolder('node-addon-api')
  const headers = packageFolder('node-api-headers') ?? packageFolder('node-api-headers', beside)
  if (!wrapper || !headers) {
    throw new NotBuilt(
      'the packages with the headers of Node are not installed',
      'npm i -D cmake-js node-addon-api, then',
    )
  }
  // cmake-js looks for node-addon-api from this package's folder only
  const fromHere = packageFolder('node-addon-api', [path.join(root, 'package.json')])
  if (cmakeJs && fromHere) {
    const tool = [path.join(cmakeJs, 'bin', 'cmake-js'), '--directory', root, '--out', work]
    const toolset = process.platform === 'win32' ? ['--toolset', 'ClangCL'] : []
    return [
      [process.execPath, [...tool, ...toolset, ...definitions.map(definition => `--CD${definition}`), 'configure']],
      [process.execPath, [...tool, ...toolset, '--parallel', jobs, 'build']],
    ]
  }
  const include = [path.join(headers, 'include'), wrapper].join(';')
  const configure = ['-S', root, '-B', work, `-DCMAKE_JS_INC=${include}`, '-DCMAKE_BUILD_TYPE=Release']
  if (process.platform === 'win32') {
    const library = path.join(work, 'node.lib')
    const symbols = path.join(headers, 'def', 'node_api.def')
    configure.push('-T', 'ClangCL', `-DCMAKE_JS_LIB=${library}`)
    configure.push(`-DCMAKE_JS_NODELIB_DEF=${symbols}`, `-DCMAKE_JS_NODELIB_TARGET=${library}`)
  }
  return [
    ['cmake', [...configure, ...definitions.map(definition => `-D${definition}`)]],
    ['cmake', ['--build', work, '--config', 'Release', '--parallel', jobs]],
  ]
}

/** The compiler's complaint if there is one, else the last line; the whole goes to a log. */
function explain(text, log) {
  mkdirSync(path.dirname(log), { recursive: true })
  writeFileSync(log, text)
  const lines = text.split('\n').filter(line => line.trim() !== '')
  const telling = lines.find(line => /\berror\b/i.test(line)) ?? lines.at(-1) ?? 'no output'
  return `${telling.trim()} (all of it: ${path.relative(process.cwd(), log)})`
}

// The addon runs in a process of its own first: a crash or a missing symbol must not take the caller with it.
const SELF_TEST = `
  const addon = require(process.argv[1])
  const { isa } = addon.chooseIsa('')
  const sum = new Float64Array(1)
  const ones = { data: new Float32Array(100).fill(1), offset: 0, length: 100 }
  addon.runKernel('cpu', isa, 'dot', { length: 100 }, { a: ones, b: ones, sum: { data: sum, offset: 0, length: 1 } })
  if (sum[0] !== 100) throw new Error('1 + … + 1 gave ' + sum[0])`

function selfTest(file, environment) {
  const done = spawnSync(process.execPath, ['-e', SELF_TEST, file], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...process.env, ...environment },
  })
  if (done.status === 0) return
  const cause = done.signal ?? explain(done.stderr ?? '', path.join(root, 'build', 'self-test.log'))
  throw new NotBuilt(`the addon was built but does not work: ${cause}`, 'Report this at the package’s repository.')
}

/** What a Node needs to load an addon with AddressSanitizer in it, and what makes a finding end it. */
export function sanitizerEnvironment() {
  const compiler = process.env.CXX ?? 'c++'
  const library = spawnSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim()
  return {
    LD_PRELOAD: library,
    ASAN_OPTIONS: 'detect_leaks=0:detect_stack_use_after_return=0',
    UBSAN_OPTIONS: 'halt_on_error=1:print_stacktrace=1',
  }
}

function compile({ quiet, baseline, emulation, sanitize, output, file }) {
  checkTools()
  const work = path.join(root, 'build', sanitize ? 'sanitize' : 'native')
  // a folder that another copy of the package or another generator configured cannot be used again
  rmSync(path.join(work, 'CMakeCache.txt'), { force: true })
  const flag = value => (value ? 'ON' : 'OFF')
  const definitions = [
    `NONNEG_OUTPUT=${output}`,
    `NONNEG_BASELINE=${flag(baseline)}`,
    `NONNEG_EMULATION=${flag(emulation)}`,
    `NONNEG_SANITIZE=${flag(sanitize)}`,
  ]
  for (const [command, args] of commandsOf(work, definitions)) {
    const done = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 })
    const text = `${done.error?.message ?? ''}${done.stdout ?? ''}${done.stderr ?? ''}`
    if (!quiet) process.stdout.write(text)
    if (done.status !== 0) {
      throw new NotBuilt(`the build failed: ${explain(text, path.join(work, 'build.log'))}`, 'Mend what it names, then')
    }
  }
  selfTest(file, sanitize ? sanitizerEnvironment() : {})
}

function write(status) {
  mkdirSync(path.dirname(STATUS), { recursive: true })
  writeFileSync(STATUS, `${JSON.stringify(status)}\n`)
  return status
}

/**
 * Builds build/Release/nonneg.node where it is missing or stale (with `sanitize`: build/sanitize/nonneg.node, always).
 * The outcome is also written to build/native-status.json, from which the loader knows why there is no addon.
 * @param {{ quiet?: boolean, baseline?: boolean, emulation?: boolean, sanitize?: boolean }} options
 *   baseline: no kernels for AVX2 and AVX-512, which take most of the time
 *   emulation: also the CPU emulation of CUDA, for tests; only where native/test is there
 * @returns {Promise<{ built: boolean, reason?: string, fix?: string }>} never rejects for what the machine lacks
 */
export async function buildNative({ quiet = false, baseline = false, emulation = false, sanitize = false } = {}) {
  const command = 'npx nonneg build-native'
  if (process.env.NONNEG_NATIVE === 'off') {
    return { built: false, reason: 'Switched off by NONNEG_NATIVE=off.', fix: `Unset NONNEG_NATIVE, then ${command}` }
  }
  const withEmulation = emulation && existsSync(path.join(root, 'native', 'test'))
  const output = path.join(root, 'build', sanitize ? 'sanitize' : 'Release')
  const file = path.join(output, 'nonneg.node')
  const facts = [process.platform, process.arch, root, `${baseline} ${withEmulation}`, process.env.CXX ?? '']
  const hash = hashOf(['native', 'CMakeLists.txt', 'scripts/build-native.mjs'], facts)
  const fresh = existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash && existsSync(file)
  if (fresh && !sanitize) return write({ built: true })
  try {
    compile({ quiet, baseline, emulation: withEmulation, sanitize, output, file })
  } catch (error) {
    if (!(error instanceof NotBuilt)) throw error
    // an addon of older sources would be found by the loader
    rmSync(file, { force: true })
    const fix = error.fix.endsWith('then') ? `${error.fix} ${command}` : error.fix
    return write({ built: false, reason: error.message, fix })
  }
  if (!sanitize) {
    mkdirSync(path.dirname(STAMP), { recursive: true })
    writeFileSync(STAMP, hash)
  }
  return write({ built: true })
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const has = name => process.argv.includes(`--${name}`)
  const names = ['quiet', 'baseline', 'emulation', 'sanitize']
  const options = Object.fromEntries(names.map(name => [name, has(name)]))
  const { built, reason, fix } = await buildNative(options)
  if (built)
    process.stdout.write(`The native addon is built: ${options.sanitize ? 'build/sanitize' : 'build/Release'}\n`)
  else process.stderr.write(`The native addon was not built: ${reason}\n${fix}\n`)
  if (!built && process.env.NONNEG_NATIVE === 'require') process.exitCode = 1
}
