import { cpSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, inject, test } from 'vitest'
import { must, run, runNode } from './process.js'

// A project of its own: the others assert that nothing is built.
const project = realpathSync(mkdtempSync(path.join(tmpdir(), 'nonneg-native-')))
afterAll(() => rmSync(project, { recursive: true, force: true }))

/** What cannot be found here, or nothing. */
async function missing(): Promise<string[]> {
  const found = async (program: string) => (await run(program, ['--version'], { cwd: project })).code === 0
  const compilers = await Promise.all(['c++', 'g++', 'clang++'].map(found))
  return [...((await found('cmake')) ? [] : ['CMake']), ...(compilers.includes(true) ? [] : ['a C++ compiler'])]
}

/**
 * Has CMake compile without optimisation, whatever it asks for: a third of the time, and kernels that are tested as they are
 * asked for where the repository's own build makes them, by the same script from the same files.
 */
function quickly(): Record<string, string> {
  // a script that ends in .sh is no program there
  if (process.platform === 'win32') return {}
  const launcher = path.join(project, 'unoptimised.sh')
  writeFileSync(launcher, '#!/bin/sh\nexec "$@" -O0\n', { mode: 0o755 })
  return { CMAKE_CXX_COMPILER_LAUNCHER: launcher }
}

test('npx nonneg build-native makes the native backend of the installed package, and a fit runs on it', async context => {
  const lacking = await missing()
  if (process.env.NONNEG_NATIVE === 'require') expect(lacking).toEqual([])
  if (lacking.length > 0) context.skip(`there is no ${lacking.join(' and no ')} on the PATH`)

  const { project: installed } = inject('packed')
  cpSync(installed, project, { recursive: true, verbatimSymlinks: true })
  // What the user would install beside it; linked, so that the test needs no network.
  const repository = path.resolve(import.meta.dirname, '../../node_modules')
  for (const name of ['cmake-js', 'node-addon-api', 'node-api-headers']) {
    symlinkSync(path.join(repository, name), path.join(project, 'node_modules', name), 'junction')
  }
  // without the wide vectors, whose kernels the repository's own build has compiled from the same files
  const command = ['nonneg', 'build-native', '--quiet', '--baseline']
  await must('npx', ['--no', '--', ...command], { cwd: project, env: quickly(), timeoutMs: 500_000 })
  const text = `
    import { factorize } from 'nonneg'
    const data = Float32Array.from({ length: 400 }, (_, i) => (i % 20) * Math.floor(i / 20))
    const { backend, relativeError } = await factorize({ data, rows: 20, columns: 20 }, { rank: 1, backend: 'native' })
    console.log(JSON.stringify({ backend, exact: relativeError < 1e-3 }))`
  expect(JSON.parse(await runNode(project, text))).toEqual({ backend: 'native', exact: true })
}, 600_000)
