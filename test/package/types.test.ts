import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, inject, test } from 'vitest'
import { run } from './process.js'

const { project } = inject('packed')
const repository = path.resolve(import.meta.dirname, '../..')

const program = `
import { factorize, NMF, NonnegError, type Factorization, type FactorizeOptions } from 'nonneg'
import * as data from 'nonneg/data'
import { learningRateCallback, tfOptimizer } from 'nonneg/tfjs'
import { GreedyLR, SCHEDULERS, type Scheduler } from 'nonneg/schedulers'

const options: FactorizeOptions = { rank: 2, onProgress: entry => console.log(entry.loss.toFixed(3)) }
const fit: Factorization = await factorize([[1, 2], [3, 4]], options)
const value: number = fit.W.data[0] + fit.loss
const name: 'cuda' | 'webgpu' | 'native' | 'wasm' | 'reference' = fit.backend
const scheduler: Scheduler = new GreedyLR({ learningRate: 0.1, patience: 2 })
const rate: number = scheduler.next({ loss: 3 }) + SCHEDULERS.cosine.make({ learningRate: 1, totalSteps: 9 }).next()
console.log(value, rate, name, NMF, NonnegError, Object.keys(data), learningRateCallback, tfOptimizer)
// @ts-expect-error a rank is needed
await factorize([[1, 2]], {})
// @ts-expect-error a rank is a number
await factorize([[1, 2]], { rank: '2' })
`

/** Compiles the program against the installed declarations, every one of them checked. */
async function compile(name: string, compilerOptions: Record<string, unknown>): Promise<string> {
  const folder = path.join(project, name)
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'program.ts'), program)
  const shared = { target: 'es2022', strict: true, noEmit: true, skipLibCheck: false, noImplicitAny: true }
  const config = { compilerOptions: { ...shared, ...compilerOptions }, files: ['program.ts'] }
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(config))
  const tsc = path.join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  return (await run(process.execPath, [tsc, '-p', folder], { cwd: folder })).stdout
}

test('a Node program without DOM types compiles', async () => {
  const typeRoots = [path.join(repository, 'node_modules', '@types')]
  const options = { module: 'nodenext', lib: ['es2022'], types: ['node'], typeRoots }
  expect(await compile('types-node', options)).toBe('')
})

test('a browser program without Node types compiles', async () => {
  const options = { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'], types: [] }
  expect(await compile('types-browser', options)).toBe('')
})
