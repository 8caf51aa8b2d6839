import { Command } from 'commander'
import { NonnegError } from '../core/errors.js'
import { packageFile } from './package.js'

interface BuildOptions {
  readonly quiet?: boolean
  readonly baseline?: boolean
}

/** What scripts/build-native.mjs of this package exports. */
interface Builder {
  buildNative(options: BuildOptions): Promise<{ built: boolean; reason?: string; fix?: string }>
}

export function buildNativeCommand(): Command {
  return new Command('build-native')
    .description('compile the C++ backend for this machine, with the compiler that is here')
    .option('-q, --quiet', 'print nothing but errors')
    .option('--baseline', 'leave out AVX2 and AVX-512: builds sooner, computes slower')
    .addHelpText(
      'after',
      `
Nothing is downloaded: the build takes CMake, a C++ compiler and the packages cmake-js and node-addon-api.
Without it everything works on the other backends.

Example:
  $ npm install cmake-js node-addon-api && npx nonneg build-native`,
    )
    .action(build)
}

async function build({ quiet = false, baseline = false }: BuildOptions): Promise<void> {
  const { buildNative } = (await import(packageFile('scripts/build-native.mjs').href)) as Builder
  const { built, reason, fix } = await buildNative({ quiet, baseline })
  if (!built) throw new NonnegError('ERR_NONNEG_BACKEND', reason ?? 'the native backend was not built', { fix })
  if (!quiet) process.stdout.write('The native backend is built; nonneg doctor shows it.\n')
}
