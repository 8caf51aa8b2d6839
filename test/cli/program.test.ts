import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { hasDriver } from '../webgpu/software.js'
import { bundleCommand, nonneg } from './command.js'

bundleCommand()

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))

describe('nonneg', () => {
  test('--version', async () => {
    expect(await nonneg(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })

  test('--help names every command and shows examples', async () => {
    const { code, stdout, stderr } = await nonneg(['--help'])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    for (const word of ['fit', 'rank', 'schedule', 'doctor', 'build-native', 'Examples:', 'Exit codes'])
      expect(stdout).toContain(word)
  })

  test('fit --help names every option', async () => {
    const { code, stdout } = await nonneg(['fit', '--help'])
    expect(code).toBe(0)
    const options =
      'rank out loss solver alpha-w alpha-h l1-ratio mask holdout weights dtype storage memory-limit subgroups fast init init-w init-h frozen-components frozen-rows frozen-columns seed max-iterations tolerance time-budget backend threads format json quiet'
    for (const option of options.split(' ')) expect(stdout).toContain(`--${option}`)
    expect(stdout).toContain('$ nonneg fit')
  })

  test('without a command: the help, on standard error', async () => {
    const { code, stdout, stderr } = await nonneg([])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('Usage: nonneg')
  })

  test('unknown options', async () => {
    for (const args of [['--frobnicate'], ['doctor', '--frobnicate'], ['build-native', '--frobnicate']]) {
      const { code, stdout, stderr } = await nonneg(args)
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toContain("unknown option '--frobnicate'")
      expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3)
    }
  })
})

describe('doctor', () => {
  // Probes that look at hardware take their time; switched off, each has the same reason everywhere.
  const env = {
    NONNEG_DISABLE_CUDA: '1',
    NONNEG_DISABLE_NATIVE: '1',
    NONNEG_DISABLE_WEBGPU: '1',
    NONNEG_DISABLE_WASM: '1',
  }

  test('--json: one object, a report for each of the five', async () => {
    const { code, stdout, stderr } = await nonneg(['doctor', '--json'], { env })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const diagnosis = JSON.parse(stdout)
    expect(diagnosis).toMatchObject({
      version,
      node: process.versions.node,
      platform: process.platform,
      arch: process.arch,
    })
    const byId = Object.fromEntries(diagnosis.backends.map((backend: { id: string }) => [backend.id, backend]))
    expect(Object.keys(byId).sort()).toEqual(['cuda', 'native', 'reference', 'wasm', 'webgpu'])
    expect(byId.reference).toMatchObject({ available: true, emulated: false, reason: null, fix: null })
    expect(byId.webgpu).toEqual({
      id: 'webgpu',
      available: false,
      emulated: false,
      reason: 'switched off by NONNEG_DISABLE_WEBGPU',
      fix: 'unset NONNEG_DISABLE_WEBGPU',
      info: {},
      problems: [],
    })
    expect(diagnosis.problems).toEqual([])
  })

  test('a table, without colours in a pipe', async () => {
    const { code, stdout } = await nonneg(['doctor'], { env })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^reference +ready/m)
    expect(stdout).toMatch(
      /^webgpu +absent +switched off by NONNEG_DISABLE_WEBGPU\n +fix: unset NONNEG_DISABLE_WEBGPU$/m,
    )
    expect(stdout).not.toContain('\x1b')
  })

  test('colours where they are forced, none with NO_COLOR', async () => {
    expect((await nonneg(['doctor'], { env: { ...env, FORCE_COLOR: '1' } })).stdout).toContain('\x1b[')
    expect((await nonneg(['doctor'], { env: { ...env, NO_COLOR: '1' } })).stdout).not.toContain('\x1b')
  })

  test('variables that are not understood, with what mends them', async () => {
    const wrong = { ...env, NONNEG_BACKEND: 'gpu', NONNEG_THREADS: 'all', NONNEG_DISABLE_WASM: '', NONNEG_WASM: 'fast' }
    const variables = { ...wrong, NONNEG_DISABLE_CUDA: '', NONNEG_CUDA: 'yes' }
    const { code, stdout, stderr } = await nonneg(['doctor', '--json'], { env: variables })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { backends, problems } = JSON.parse(stdout)
    expect(problems).toEqual([
      { reason: expect.stringMatching(/^NONNEG_THREADS is "all"/), fix: expect.stringContaining('unset it') },
      { reason: expect.stringMatching(/^NONNEG_BACKEND is "gpu"; known are auto,/), fix: expect.any(String) },
    ])
    const byId = Object.fromEntries(backends.map((backend: { id: string }) => [backend.id, backend]))
    expect(byId.wasm.problems).toEqual([
      { reason: 'NONNEG_WASM is "fast"; known are plain and relaxed', fix: expect.any(String) },
    ])
    expect(byId.cuda).toMatchObject({ available: false, reason: expect.stringMatching(/^NONNEG_CUDA is "yes"/) })
    const told = (await nonneg(['doctor'], { env: variables })).stdout
    expect(told).toMatch(/^wasm +problem +simd.*\n(?: .*\n)* +problem: NONNEG_WASM is "fast".*\n +fix: .*$/m)
    expect(told).toMatch(
      /\n\nproblem: NONNEG_THREADS is "all".*\nfix: .*\nproblem: NONNEG_BACKEND is "gpu".*\nfix: .*\n$/,
    )
  })

  test.runIf(hasDriver)('what the GPU offers, the limit in force, and variables of WebGPU', async () => {
    const { NONNEG_DISABLE_WEBGPU: _, ...others } = env
    const gpu = { ...others, NONNEG_WEBGPU: 'software', NONNEG_WEBGPU_SUBGROUPS: '' }
    const look = async (more: Record<string, string>) => {
      const { stdout } = await nonneg(['doctor', '--json'], { env: { ...gpu, ...more } })
      return JSON.parse(stdout).backends.find(({ id }: { id: string }) => id === 'webgpu')
    }
    const facts = { 'shader-f16': false, subgroups: 'of 4' }
    expect(await look({})).toMatchObject({ available: true, info: { ...facts, memoryLimit: false }, problems: [] })
    const limited = { NONNEG_WEBGPU_MEMORY: '8000000000', NONNEG_WEBGPU_TILE: '128x32', NONNEG_WEBGPU_SUBGROUPS: 'on' }
    expect(await look(limited)).toMatchObject({ info: { ...facts, memoryLimit: 8e9 }, problems: [] })
    const wrong = { NONNEG_WEBGPU_MEMORY: 'plenty', NONNEG_WEBGPU_TILE: '9x9', NONNEG_WEBGPU_SUBGROUPS: 'maybe' }
    const found = await look(wrong)
    expect(found).toMatchObject({ available: true, info: facts })
    expect(found.problems).toEqual([
      { reason: expect.stringMatching(/^NONNEG_WEBGPU_MEMORY is "plenty"/), fix: expect.stringContaining('unset it') },
      {
        reason: expect.stringMatching(/^NONNEG_WEBGPU_SUBGROUPS is "maybe"/),
        fix: expect.stringContaining('unset it'),
      },
      { reason: expect.stringMatching(/^NONNEG_WEBGPU_TILE is "9x9"/), fix: expect.stringMatching(/128x32.*unset it/) },
    ])
    expect((await look({ NONNEG_WEBGPU: 'nonsense' })).reason).toMatch(/NONNEG_WEBGPU=nonsense/)
    const { stdout } = await nonneg(['doctor'], { env: { ...gpu, NONNEG_WEBGPU_TILE: '9x9' } })
    expect(stdout).toMatch(/^webgpu +problem .*no shader-f16,\s+subgroups of 4,\s+no memoryLimit\n +problem: /ms)
  })

  test('a reader that goes away is no failure', async () => {
    const outcome = await nonneg(['doctor', '--json'], { env, started: child => child.stdout?.destroy() })
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

test('build-native says why it could not, and what to do', async () => {
  const { code, stdout, stderr } = await nonneg(['build-native'], { env: { NONNEG_NATIVE: 'off' } })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toMatch(/^nonneg: .*NONNEG_NATIVE=off.*\nfix: .*\n$/)
})

test('importing the program runs nothing', async () => {
  const listeners = () => [process.listenerCount('SIGINT'), process.stdout.listenerCount('error'), process.exitCode]
  const before = listeners()
  await import('../../ts/cli/program.js')
  await import('../../ts/cli/fit.js')
  expect(listeners()).toEqual(before)
})
