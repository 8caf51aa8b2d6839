import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, inject, test } from 'vitest'

const { project, files } = inject('packed')
const installed = path.join(project, 'node_modules', 'nonneg')
const manifest = JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8'))

test('carries compiled code, shaders and native sources, and nothing else', () => {
  const wanted = [
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|CMakeLists\.txt)$/,
    /^dist\/.+\.(js|d\.ts)$/,
    /^shaders\/.+\.wgsl$/,
    /^native\/(?!test\/).+\.(h|hpp|cpp|cc|inl|cu|cuh|ptx|cmake)$/,
    /^scripts\/(build-native|lib\/(say|stamp))\.mjs$/,
  ]
  expect(files.filter(file => !wanted.some(pattern => pattern.test(file)))).toEqual([])
  for (const needed of ['LICENSE', 'README.md', 'CMakeLists.txt', 'scripts/build-native.mjs'])
    expect(files).toContain(needed)
  for (const pattern of wanted)
    expect(
      files.some(file => pattern.test(file)),
      String(pattern),
    ).toBe(true)
})

test('carries every native source, those too that a build for the baseline leaves out', () => {
  const root = path.resolve(import.meta.dirname, '../..')
  const sources = readdirSync(path.join(root, 'native'), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.relative(root, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .filter(file => !file.startsWith('native/test/'))
  expect(sources).toContain('native/cpu/isa_avx512.cpp')
  expect(sources.filter(file => !files.includes(file))).toEqual([])
})

const stemsOf = (suffix: string) =>
  files
    .filter(file => file.startsWith('dist/') && file.endsWith(suffix))
    .map(file => file.slice('dist/'.length, -suffix.length))

test('has declarations of sources that are there, so nothing stale is shipped', () => {
  const stems = stemsOf('.d.ts')
  expect(stems).toContain('index')
  expect(stems.filter(stem => !existsSync(path.resolve(import.meta.dirname, '../../ts', `${stem}.ts`)))).toEqual([])
})

test('has modules for its entries, and chunks that one of them imports', () => {
  const entries = [
    'index',
    'node',
    'browser',
    'data/index',
    'data/browser',
    'schedulers/index',
    'tfjs/index',
    'cli/main',
  ]
  const chunks = stemsOf('.js').filter(stem => !entries.includes(stem))
  expect(stemsOf('.js')).toEqual(expect.arrayContaining(entries))
  expect(chunks.filter(stem => !stem.startsWith('chunks/'))).toEqual([])
  const text = [...entries, ...chunks]
    .map(stem => readFileSync(path.join(installed, 'dist', `${stem}.js`), 'utf8'))
    .join()
  expect(chunks.filter(stem => !text.includes(path.basename(stem)))).toEqual([])
})

test('runs nothing at install', () => {
  const hooks = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare']
  expect(hooks.filter(hook => hook in manifest.scripts)).toEqual([])
  // npm runs node-gyp by itself where it finds this file
  expect(files).not.toContain('binding.gyp')
})

test('exports only files that are there', () => {
  const targets = (entry: unknown): string[] =>
    typeof entry === 'string' ? [entry] : Object.values(entry as Record<string, unknown>).flatMap(targets)
  const all = [...targets(manifest.exports), ...targets(manifest.bin)]
  expect(all.length).toBeGreaterThan(4)
  expect(all.filter(target => !target.includes('*') && !existsSync(path.join(installed, target)))).toEqual([])
})
