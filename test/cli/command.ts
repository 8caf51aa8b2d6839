import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll } from 'vitest'

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

let folder = ''

/**
 * Bundles the command from its TypeScript, so that these tests see the sources and need no build of dist/. It lies as
 * deep in the repository as dist/cli, since it looks for package.json from there.
 */
export function bundleCommand(): void {
  beforeAll(async () => {
    mkdirSync('build', { recursive: true })
    folder = mkdtempSync('build/test-cli-')
    await build({
      entryPoints: ['ts/cli/main.ts'],
      bundle: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      outdir: folder,
      logLevel: 'silent',
    })
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
}

export interface Launch {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** Called with the child once it runs. */
  readonly started?: (child: ChildProcess) => void
}

/** Runs `nonneg` with the arguments. Backends are settled by the reference one, which is everywhere. */
export function nonneg(args: readonly string[], { cwd, env, started }: Launch = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [path.resolve(folder, 'main.js'), ...args], {
      cwd,
      env: { ...process.env, NONNEG_BACKEND: 'reference', ...env },
    })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', chunk => {
      stdout += chunk
    })
    child.stderr.on('data', chunk => {
      stderr += chunk
    })
    child.on('error', reject)
    child.on('close', code => resolve({ code, stdout, stderr }))
    started?.(child)
  })
}
