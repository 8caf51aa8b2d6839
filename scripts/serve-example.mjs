#!/usr/bin/env node
// `npm run example`: bundles examples/browser with the package's browser entries, and the benchmark's page below it as
// bench/, and serves them with the headers that make a page cross-origin isolated, which shared memory, and so WASM threads,
// need. `--port 8080` chooses the port.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { speeches } from '../examples/speeches.mjs'
import { root } from './lib/stamp.mjs'

const SOURCE = path.join(root, 'examples', 'browser')
const BENCH = path.join(root, 'bench', 'page')
const WORDS = 1200
const LARGEST_SHARE = 0.4

const TYPES = { '.css': 'text/css', '.csv': 'text/csv', '.html': 'text/html; charset=utf-8', '.js': 'text/javascript' }

const ISOLATION = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }

/** Weights of words that tell speeches apart, a speech a row. */
function speechesCsv() {
  const { x, words } = speeches(WORDS)
  // what most speeches say tells little, and readers of CSV take "none" for a missing number
  const kept = words.flatMap((word, i) => {
    const share = x.filter(row => row[i] > 0).length / x.length
    return share <= LARGEST_SHARE && word !== 'none' ? [i] : []
  })
  const lines = [kept.map(i => words[i]), ...x.map(row => kept.map(i => Number(row[i].toFixed(4))))]
  return `${lines.join('\n')}\n`
}

/** @param {string} source the folder of the page @param {string} out @param {Record<string, string>} define */
async function bundlePage(source, out, define = {}) {
  const { build } = await import('esbuild')
  cpSync(path.join(source, 'index.html'), path.join(out, 'index.html'))
  await build({
    entryPoints: [path.join(source, 'main.ts'), path.join(source, 'style.css')],
    outdir: out,
    bundle: true,
    minify: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2022',
    define,
    logLevel: 'error',
  })
}

/** The page that measures WebGPU, in a folder of its own. @param {string} out */
export async function bundleBench(out) {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const git = spawnSync('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: root, encoding: 'utf8' })
  const commit = git.status === 0 ? git.stdout.trim() : 'no repository'
  await bundlePage(BENCH, out, { BUILT: JSON.stringify({ version, commit }) })
}

/** The page in a folder of its own, which any static server can serve. @param {string} out a folder, emptied first */
export async function bundleExample(out) {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(path.join(out, 'samples'), { recursive: true })
  cpSync(path.join(SOURCE, 'samples', 'digits.csv'), path.join(out, 'samples', 'digits.csv'))
  writeFileSync(path.join(out, 'samples', 'speeches.csv'), speechesCsv())
  await bundlePage(SOURCE, out)
}

/** @param {string} folder @param {number} port */
function serve(folder, port) {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = path.join(folder, pathname.endsWith('/') ? `${pathname}index.html` : pathname)
    try {
      if (!file.startsWith(`${folder}${path.sep}`)) throw new Error('outside the folder')
      const content = readFileSync(file)
      const type = TYPES[path.extname(file)] ?? 'application/octet-stream'
      response.writeHead(200, { ...ISOLATION, 'content-type': type, 'cache-control': 'no-store' }).end(content)
    } catch {
      response.writeHead(404, ISOLATION).end()
    }
  })
  server.once('error', error => {
    process.stderr.write(`Cannot serve on port ${port}: ${error.message}. Choose another with --port.\n`)
    process.exitCode = 1
  })
  server.listen(port, '127.0.0.1', () => {
    const address = `http://localhost:${server.address().port}/`
    process.stdout.write(`${address}    ${address}bench/ for the WebGPU benchmark    Ctrl+C ends it\n`)
  })
}

if (process.argv[1] && path.resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: 'string', default: '8080' } } })
  if (!/^\d{1,5}$/.test(values.port) || Number(values.port) > 65535) {
    process.stderr.write(`--port is '${values.port}'; it takes a number up to 65535.\n`)
    process.exit(2)
  }
  const folder = path.join(root, 'build', 'example')
  await bundleExample(folder)
  await bundleBench(path.join(folder, 'bench'))
  serve(folder, Number(values.port))
}
