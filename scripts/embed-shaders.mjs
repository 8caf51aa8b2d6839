// Writes shaders/*.wgsl into one module, so that no bundler, browser or runtime has to find files at run time.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { filesUnder, root, step } from './lib/stamp.mjs'

const output = 'ts/generated/shaders.ts'

/** Makes ts/generated/shaders.ts from shaders/ when it is out of date. @returns {Promise<boolean>} whether it ran */
export async function embedShaders() {
  const files = filesUnder('shaders').filter(file => file.endsWith('.wgsl'))
  return step({
    name: 'shaders',
    inputs: [...files, 'scripts/embed-shaders.mjs'],
    outputs: [output],
    work() {
      const stems = files.map(file => path.basename(file, '.wgsl'))
      const texts = files.map(file => readFileSync(path.join(root, file), 'utf8'))
      const lines = [
        '// Made by scripts/embed-shaders.mjs from shaders/; changes here are lost.',
        `export type ShaderName = ${stems.map(stem => `'${stem}'`).join(' | ')}`,
        '/** WGSL text by kernel name. */',
        'export const shaders: Readonly<Record<ShaderName, string>> = {',
        ...stems.map((stem, index) => `  ${stem}: ${JSON.stringify(texts[index])},`),
        '}',
        '',
      ]
      mkdirSync(path.dirname(path.join(root, output)), { recursive: true })
      writeFileSync(path.join(root, output), lines.join('\n'))
    },
  })
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await embedShaders()
