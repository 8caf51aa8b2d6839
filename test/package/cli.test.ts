import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, inject, test } from 'vitest'
import { must, type Outcome, run } from './process.js'

const { project } = inject('packed')

/** The installed command, found as `npx` finds it; `--no` forbids npx to fetch anything. */
const nonneg = (...args: string[]): Promise<Outcome> =>
  run('npx', ['--no', '--loglevel=error', '--', 'nonneg', ...args], { cwd: project })

test('doctor --json prints one object with a report for every backend', async () => {
  const { code, stdout, stderr } = await nonneg('doctor', '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const { version, backends } = JSON.parse(stdout)
  expect(version).toMatch(/^\d+\.\d+\.\d+/)
  expect(backends.map(({ id }: { id: string }) => id).sort()).toEqual(['cuda', 'native', 'reference', 'wasm', 'webgpu'])
})

test('fit reads a CSV file and writes W and H', async () => {
  const out = mkdtempSync(path.join(project, 'fit-'))
  const file = path.join(out, 'X.csv')
  const rows = Array.from({ length: 12 }, (_, i) => Array.from({ length: 8 }, (_, j) => (i % 4) * (j + 1) + (j % 3)))
  writeFileSync(file, rows.map(row => row.join(',')).join('\n'))
  const { code, stdout } = await nonneg('fit', file, '--rank', '2', '--out', out, '--format', 'csv', '--json')
  expect(code).toBe(0)
  const { relativeError, files } = JSON.parse(stdout)
  expect(relativeError).toBeLessThan(0.05)
  const W = readFileSync(files.W, 'utf8').trim().split('\n')
  const H = readFileSync(files.H, 'utf8').trim().split('\n')
  expect([W.length, W[0].split(',').length, H.length, H[0].split(',').length]).toEqual([12, 2, 2, 8])
})

test('bad usage ends with code 2 and at most three lines', async () => {
  const { code, stdout, stderr } = await nonneg('fit', 'missing.csv', '--rank', '2', '--out', 'nowhere')
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toContain('missing.csv')
  expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3)
})

test('--version is that of package.json', async () => {
  const manifest = path.join(project, 'node_modules', 'nonneg', 'package.json')
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'))
  expect((await must('npx', ['--no', '--', 'nonneg', '--version'], { cwd: project })).trim()).toBe(version)
})
