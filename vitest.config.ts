import { existsSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

// Which backends must be there; an absent one of these is a failure, any other absence is reported as skipped.
// `.ci/run` asks for all of them. Elsewhere: what every machine has, and what was built here.
function requiredBackends(): string {
  const required = ['reference', 'wasm']
  if (process.platform === 'linux' && process.arch === 'x64') required.push('webgpu')
  if (process.env.NONNEG_NATIVE !== 'off' && existsSync('build/Release/nonneg.node')) {
    required.push('native')
    if (existsSync('build/Release/emulation/libcuda.so.1')) required.push('cuda')
  }
  return required.join(',')
}

// Software WebGPU and the CPU emulation of CUDA prove correctness on machines without a GPU.
const env = {
  NONNEG_WEBGPU: process.env.NONNEG_WEBGPU ?? 'software',
  NONNEG_CUDA: process.env.NONNEG_CUDA ?? 'emulated',
  NONNEG_REQUIRE: process.env.NONNEG_REQUIRE ?? requiredBackends(),
}

/** Folders with files that take long: they compile kernels for software drivers, open browsers or go through a large grid. */
const LONG = ['package', 'conformance', 'webgpu', 'browser', 'wasm', 'native', 'cli', 'nmf']

/** Files of those folders first, so that no worker is left with a long one when the others have nothing more to do. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const at = LONG.indexOf(path.basename(path.dirname(moduleId)))
      return at < 0 ? LONG.length : at
    }
    return (await super.sort(files)).sort((a, b) => place(a) - place(b))
  }
}

const setupFiles = ['test/setup/polling.ts', 'test/setup/typed-arrays.ts']

/** Measures how long a thread is held, which is longer where another file's tests want the same cores. */
const ALONE = 'test/browser/responsive.test.ts'

export default defineConfig({
  // what imports the package by its name is tested with the sources, as all else is
  resolve: { alias: [{ find: /^nonneg$/, replacement: fileURLToPath(new URL('ts/node.ts', import.meta.url)) }] },
  test: {
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    env,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/package/**', ALONE],
          setupFiles,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        // After all others.
        extends: true,
        test: { name: 'alone', include: [ALONE], setupFiles, sequence: { groupOrder: 1 } },
      },
      {
        // Packs the package, installs it elsewhere and uses it from child processes.
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/*.test.ts'],
          globalSetup: ['test/package/install.ts'],
          testTimeout: 240_000,
          hookTimeout: 240_000,
        },
      },
    ],
  },
})
