import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildSync } from 'esbuild'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { nativeBackend } from '../../ts/backends/native/backend.js'
import { loadAddon } from '../../ts/backends/native/load.js'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})
afterEach(() => {
  vi.unstubAllEnvs()
})

function temporary(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'nonneg-build-'))
  folders.push(folder)
  return folder
}

/** The files of the published package that a build needs, without any installed package beside them. */
function packageCopy(): string {
  const copy = path.join(temporary(), 'nonneg')
  const files = ['package.json', 'CMakeLists.txt', 'scripts/build-native.mjs', 'scripts/lib', 'native/include']
  for (const file of files) cpSync(file, path.join(copy, file), { recursive: true })
  return copy
}

/** A PATH that has these programs and nothing else; each answers `--version` and does nothing more. */
function pathWith(...programs: string[]): string {
  const bin = path.join(temporary(), 'bin')
  mkdirSync(bin)
  for (const program of programs) {
    writeFileSync(path.join(bin, program), '#!/bin/sh\n[ "$1" = --version ]\n')
    chmodSync(path.join(bin, program), 0o755)
  }
  return bin
}

const POSIX_SHELL = existsSync('/bin/sh')

interface Built {
  readonly status: number | null
  readonly stderr: string
  readonly outcome: { readonly built: boolean; readonly reason?: string; readonly fix?: string }
}

function buildNative(copy: string, environment: Record<string, string>, options = {}): Built {
  const text = `
    const { buildNative } = await import(${JSON.stringify(pathToFileURL(path.join(copy, 'scripts/build-native.mjs')))})
    console.log(JSON.stringify(await buildNative(${JSON.stringify({ quiet: true, ...options })})))`
  const done = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    cwd: copy,
    encoding: 'utf8',
    env: { ...process.env, CXX: '', NONNEG_NATIVE: '', ...environment },
  })
  expect(done.stderr).toBe('')
  return { status: done.status, stderr: done.stderr, outcome: JSON.parse(done.stdout) }
}

describe.runIf(POSIX_SHELL)('building', () => {
  it('says which program is missing, and remembers it', () => {
    const copy = packageCopy()
    const noCmake = buildNative(copy, { PATH: pathWith('g++') }).outcome
    expect(noCmake).toMatchObject({ built: false, reason: expect.stringContaining('CMake') })
    expect(noCmake.fix).toMatch(/cmake.*npx nonneg build-native$/i)
    expect(JSON.parse(readFileSync(path.join(copy, 'build/native-status.json'), 'utf8'))).toEqual(noCmake)
    const noCompiler = buildNative(copy, { PATH: pathWith('cmake') }).outcome
    expect(noCompiler).toMatchObject({ built: false, reason: expect.stringContaining('compiler') })
    expect(noCompiler.fix).toMatch(/npx nonneg build-native$/)
  })

  it('says which packages are missing', () => {
    const { outcome } = buildNative(packageCopy(), { PATH: pathWith('cmake', 'c++') })
    expect(outcome.built).toBe(false)
    expect(outcome.fix).toContain('npm i -D cmake-js node-addon-api')
  })

  it('says what went wrong where the tools fail, and removes an addon of older sources', () => {
    const copy = packageCopy()
    mkdirSync(path.join(copy, 'node_modules'))
    mkdirSync(path.join(copy, 'build/Release'), { recursive: true })
    writeFileSync(path.join(copy, 'build/Release/nonneg.node'), 'old')
    // without cmake-js: the headers alone are enough to start
    for (const name of ['node-addon-api', 'node-api-headers']) {
      symlinkSync(path.resolve('node_modules', name), path.join(copy, 'node_modules', name), 'junction')
    }
    const { outcome } = buildNative(copy, { PATH: pathWith('cmake', 'c++') })
    expect(outcome).toMatchObject({ built: false, reason: expect.stringContaining('build failed') })
    expect(existsSync(path.join(copy, 'build/Release/nonneg.node'))).toBe(false)
  })

  it('does nothing where it is switched off, and fails aloud where it is required', () => {
    const copy = packageCopy()
    const off = buildNative(copy, { NONNEG_NATIVE: 'off' }).outcome
    expect(off).toMatchObject({ built: false, reason: expect.stringContaining('NONNEG_NATIVE') })
    const run = (mode: string) =>
      spawnSync(process.execPath, ['scripts/build-native.mjs', '--quiet'], {
        cwd: copy,
        encoding: 'utf8',
        env: { ...process.env, NONNEG_NATIVE: mode, PATH: pathWith('g++') },
      })
    expect(run('auto')).toMatchObject({ status: 0, stderr: expect.stringContaining('CMake') })
    expect(run('require')).toMatchObject({ status: 1, stderr: expect.stringContaining('CMake') })
  })
})

describe('loading', () => {
  it('says that it is switched off', async () => {
    vi.stubEnv('NONNEG_NATIVE', 'off')
    expect(await nativeBackend.probe()).toMatchObject({
      available: false,
      reason: expect.stringContaining('NONNEG_NATIVE'),
    })
    await expect(nativeBackend.open()).rejects.toMatchObject({ code: 'ERR_NONNEG_BACKEND', fix: expect.any(String) })
  })

  it('says that the path given to it has no addon, or something else', () => {
    const file = path.join(temporary(), 'nonneg.node')
    vi.stubEnv('NONNEG_NATIVE_PATH', file)
    expect(loadAddon()).toMatchObject({ addon: undefined, reason: expect.stringContaining(file) })
    writeFileSync(file, 'not a library')
    expect(loadAddon()).toMatchObject({ addon: undefined, reason: expect.stringContaining('could not be loaded') })
  })

  it('refuses an addon of another version', () => {
    const file = path.join(temporary(), 'older.cjs')
    writeFileSync(file, 'module.exports = { abi: 0 }')
    vi.stubEnv('NONNEG_NATIVE_PATH', file)
    expect(loadAddon()).toMatchObject({ addon: undefined, reason: expect.stringContaining('another version') })
  })

  it('gives the reason of a failed build, and the command', () => {
    const copy = temporary()
    const bundle = path.join(copy, 'dist/backends/native')
    mkdirSync(path.join(copy, 'build'), { recursive: true })
    const load = () => {
      const done = spawnSync(
        process.execPath,
        [
          '--input-type=module',
          '-e',
          `import { loadAddon } from ${JSON.stringify(pathToFileURL(path.join(bundle, 'load.js')))}; console.log(JSON.stringify(loadAddon()))`,
        ],
        { encoding: 'utf8', env: { ...process.env, NONNEG_NATIVE: '', NONNEG_NATIVE_PATH: '' } },
      )
      expect(done.stderr).toBe('')
      return JSON.parse(done.stdout)
    }
    const outfile = path.join(bundle, 'load.js')
    buildSync({ entryPoints: ['ts/backends/native/load.ts'], bundle: true, platform: 'node', format: 'esm', outfile })
    writeFileSync(path.join(copy, 'package.json'), '{"type":"module"}')
    expect(load()).toEqual({ reason: expect.stringContaining('not built'), fix: 'npx nonneg build-native' })
    const status = {
      built: false,
      reason: 'CMake was not found',
      fix: 'apt install cmake, then npx nonneg build-native',
    }
    writeFileSync(path.join(copy, 'build/native-status.json'), JSON.stringify(status))
    expect(load()).toEqual({ reason: expect.stringContaining(status.reason), fix: status.fix })
  })
})
