// Turns a TypeScript program of this repository (an example, a benchmark) into one file that Node runs. Packages stay
// imports, `nonneg` itself too: the file lies inside the repository, so Node resolves it to dist/ as a user's would.
import path from 'node:path'
import { root } from './stamp.mjs'

/** @param {string} entry a .ts file below the root @returns {Promise<string>} the path of the program */
export async function bundleScript(entry) {
  const { build } = await import('esbuild')
  const outfile = path.join(root, 'build', 'scripts', entry.replace(/\.m?ts$/, '.mjs'))
  await build({
    entryPoints: [path.join(root, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    target: 'node20',
    logLevel: 'warning',
  })
  return outfile
}
