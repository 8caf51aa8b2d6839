import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// Whole processes, for what only shows at their end. The backend is bundled, for Node 20 runs no TypeScript.
const folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-wasm-'))
const LIMIT_MS = 30_000

beforeAll(async () => {
  await build({
    entryPoints: ['ts/backends/wasm/backend.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: path.join(folder, 'backend.mjs'),
  })
  writeFileSync(
    path.join(folder, 'start.mjs'),
    `import { wasmBackend } from './backend.mjs'
    const view = (rows, columns) => ({
      kind: 'dense', data: new Float32Array(rows * columns).fill(0.5), rows, columns, stride: columns, offset: 0,
    })
    export async function start(rows = 1200, columns = 500) {
      const device = await wasmBackend.open({ threads: 3 })
      const problem = { X: view(rows, columns), squaredNorm: 0.25 * rows * columns, W: view(rows, 16), H: view(16, columns) }
      return await device.createFit(problem, { rank: 16, beta: 2, rule: 'mu', dtype: 'f32' })
    }`,
  )
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function run(
  program: string,
  env: Record<string, string> = {},
): { status: number | null; stdout: string; stderr: string } {
  const file = path.join(folder, 'main.mjs')
  writeFileSync(file, program)
  const done = spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...env },
  })
  return { status: done.status, stdout: done.stdout, stderr: done.stderr }
}

describe.each(['on', 'off'])('a process (NONNEG_WASM_SHARED=%s)', NONNEG_WASM_SHARED => {
  it('ends by itself after a fit that nobody disposed of', () => {
    const done = run(
      `import { start } from './start.mjs'
      const fit = await start()
      const { iterations } = await fit.run(3)
      console.log(iterations)`,
      { NONNEG_WASM_SHARED },
    )
    expect(done).toMatchObject({ status: 0, stdout: '3\n', stderr: '' })
  })

  it('is kept alive by a call in flight and by nothing else', () => {
    const done = run(
      `import { start } from './start.mjs'
      const fit = await start(3000, 900)
      fit.run(30).then(({ stopped }) => console.log(stopped))`,
      { NONNEG_WASM_SHARED },
    )
    expect(done).toMatchObject({ status: 0, stdout: 'done\n', stderr: '' })
  })

  it('may exit in the middle of a run', () => {
    const done = run(
      `import { start } from './start.mjs'
      const fit = await start()
      fit.run(10_000_000)
      setTimeout(() => process.exit(7), 100)`,
      { NONNEG_WASM_SHARED },
    )
    expect(done).toMatchObject({ status: 7, stdout: '', stderr: '' })
  })

  it('may terminate a worker of its own in which a fit runs', () => {
    const done = run(
      `import { Worker, isMainThread, parentPort } from 'node:worker_threads'
      import { fileURLToPath } from 'node:url'
      import { start } from './start.mjs'
      if (isMainThread) {
        const worker = new Worker(fileURLToPath(import.meta.url))
        worker.on('message', () => setTimeout(() => worker.terminate().then(status => console.log('ended', status)), 100))
      } else {
        const fit = await start()
        fit.run(10_000_000)
        parentPort.postMessage('running')
      }`,
      { NONNEG_WASM_SHARED },
    )
    expect(done).toMatchObject({ status: 0, stdout: 'ended 1\n', stderr: '' })
  })
})
