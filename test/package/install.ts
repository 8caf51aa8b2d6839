// Packs the package as `npm publish` would and installs it, with scripts off, into an empty project elsewhere.
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestProject } from 'vitest/node'
import { must } from './process.js'

export interface Packed {
  /** The project that has the package installed. */
  readonly project: string
  /** Every file of the tarball. */
  readonly files: readonly string[]
}

declare module 'vitest' {
  interface ProvidedContext {
    packed: Packed
  }
}

export async function setup(context: TestProject): Promise<() => void> {
  const project = realpathSync(mkdtempSync(path.join(tmpdir(), 'nonneg-package-')))
  const remove = () => rmSync(project, { recursive: true, force: true })
  try {
    const packed = await must(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', project],
      {
        cwd: path.resolve(import.meta.dirname, '../..'),
      },
    )
    const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]
    writeFileSync(
      path.join(project, 'package.json'),
      JSON.stringify({ name: 'consumer', private: true, type: 'module' }),
    )
    const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
    await must('npm', ['install', ...flags, `./${filename}`], { cwd: project })
    context.provide('packed', { project, files: files.map(file => file.path) })
  } catch (error) {
    remove()
    throw error
  }
  return remove
}
