import { expect, inject, test } from 'vitest'
import { runNode } from './process.js'

const { project } = inject('packed')

// Prints one JSON object: a fit of a matrix of rank 2, and what was found of every backend.
const fit = `
  const rows = 30, columns = 20
  const data = Float32Array.from({ length: rows * columns }, (_, i) => (i % columns) + 1 + (Math.floor(i / columns) % 7) * 2)
  Promise.all([factorize({ data, rows, columns }, { rank: 2, seed: 1, maxIterations: 300 }), probeBackends()])
    .then(([{ backend, relativeError, W, H }, backends]) =>
      console.log(JSON.stringify({ backend, relativeError, W: W.data.length, H: H.data.length, backends })))`

interface Report {
  backend: string
  relativeError: number
  W: number
  H: number
  backends: { id: string; available: boolean; reason: string | null; fix: string | null }[]
}

function check(stdout: string): Report {
  const report = JSON.parse(stdout) as Report
  expect(report.relativeError).toBeLessThan(0.02)
  expect(report).toMatchObject({ W: 60, H: 40 })
  expect(report.backends.map(backend => backend.id).sort()).toEqual(['cuda', 'native', 'reference', 'wasm', 'webgpu'])
  expect(report.backends.find(backend => backend.id === 'wasm')).toMatchObject({ available: true })
  for (const backend of report.backends) {
    if (backend.available) continue
    expect(backend.reason, backend.id).toMatch(/\w/)
    expect(backend.fix, backend.id).toMatch(/\w/)
  }
  return report
}

test('import fits a matrix', async () => {
  check(await runNode(project, `import { factorize, probeBackends } from 'nonneg'\n${fit}`))
})

test('require fits a matrix', async () => {
  check(await runNode(project, `const { factorize, probeBackends } = require('nonneg')\n${fit}`, { type: 'commonjs' }))
})

test('without addons the native backends are absent, for a reason, and the fit runs on another', async () => {
  const text = `import { factorize, probeBackends } from 'nonneg'\n${fit}`
  const report = check(await runNode(project, text, { flags: ['--no-addons'] }))
  expect(['wasm', 'webgpu', 'reference']).toContain(report.backend)
  const reasons = report.backends.filter(({ id }) => id === 'native' || id === 'cuda')
  expect(reasons.map(({ reason }) => reason)).toEqual([
    expect.stringContaining('addons'),
    expect.stringContaining('addons'),
  ])
})

test('WASM fits a matrix with several threads, and its workers let the process end', async () => {
  const text = `import { factorize, probeBackends } from 'nonneg'\n${fit}`
  const env = { NONNEG_BACKEND: 'wasm', NONNEG_THREADS: '3' }
  expect(check(await runNode(project, text, { env })).backend).toBe('wasm')
})

test('before it is built, the native backend is absent and names the command that builds it', async () => {
  const report = check(await runNode(project, `import { factorize, probeBackends } from 'nonneg'\n${fit}`))
  const native = report.backends.find(({ id }) => id === 'native')
  expect(native).toMatchObject({ available: false, fix: expect.stringContaining('build-native') })
})

test('the adapters for TensorFlow.js load without it, and find the backends of the package', async () => {
  const text = `
    import { tfOptimizer } from 'nonneg/tfjs'
    // the least that looks like TensorFlow.js: one variable of two numbers
    const w = { name: 'w', shape: [2], size: 2, values: [1, 2], dataSync: () => w.values, assign: t => { w.values = t.values } }
    class Optimizer { incrementIterations() {} }
    const tensor = values => ({ values: [...values], dispose() {} })
    const tf = { Optimizer, engine: () => ({ registeredVariables: { w } }), tensor }
    const optimizer = tfOptimizer(tf, { kind: 'sgd', learningRate: 0.5 })
    optimizer.applyGradients({ w: { dataSync: () => [1, 2] } })
    const { step } = await optimizer.settled()
    console.log(JSON.stringify({ step, values: w.values }))`
  const stdout = await runNode(project, text)
  expect(JSON.parse(stdout)).toEqual({ step: 1, values: [0.5, 1] })
})

test('importing has no side effects: no new globals, and nothing keeps the process alive', async () => {
  const text = `
    const before = new Set(Reflect.ownKeys(globalThis))
    await import('nonneg')
    await import('nonneg/data')
    await import('nonneg/schedulers')
    // the module loader closes its files meanwhile
    await new Promise(resolve => setTimeout(resolve, 100))
    console.log(JSON.stringify({
      added: Reflect.ownKeys(globalThis).filter(key => !before.has(key)).map(String),
      kept: process.getActiveResourcesInfo().filter(name => !/TTY|Pipe|Timeout/.test(name)),
    }))`
  expect(JSON.parse(await runNode(project, text))).toEqual({ added: [], kept: [] })
})

test('every subpath of the exports map resolves', async () => {
  const text = `
    import { createRequire } from 'node:module'
    const require = createRequire(import.meta.url)
    console.log(JSON.stringify([
      Object.keys(await import('nonneg/data')).length > 0,
      new (await import('nonneg/schedulers')).Linear({ totalSteps: 4 }).next({ step: 1 }),
      require('nonneg/package.json').name,
      require.resolve('nonneg/shaders/gram.wgsl').endsWith('gram.wgsl'),
    ]))`
  expect(JSON.parse(await runNode(project, text))).toEqual([true, 0.75, 'nonneg', true])
})
