#!/usr/bin/env node
// The way in for a fresh clone: `npm run demo`, `npm run example` and `npm test` need nothing before them. Installs what the
// lock file says, builds what is missing or stale, then runs the demo, the page or the whole test run. Only built-in modules
// until then.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { timed } from './lib/say.mjs'
import { root } from './lib/stamp.mjs'

const MINIMUM = [20, 19]

function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return
  fail(
    `nonneg needs Node ${MINIMUM.join('.')} or newer, and this is ${process.versions.node} (${process.execPath}).\n` +
      'Install Node 22 or 24, for instance with `nvm install 22`, and run the command again.',
  )
}

/** npm of the command that started this script, else the one on the PATH. */
function npmCommand() {
  const cli = process.env.npm_execpath
  if (cli && path.basename(cli) === 'npm-cli.js') return { command: process.execPath, first: [cli] }
  return { command: process.platform === 'win32' ? 'npm.cmd' : 'npm', first: [], shell: process.platform === 'win32' }
}

async function install() {
  const stamp = path.join(root, 'node_modules', '.nonneg-installed')
  const wanted = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .update(`${process.platform} ${process.arch}`)
    .digest('hex')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  await timed('install', 'npm ci, from the npm registry', () => {
    const { command, first, shell } = npmCommand()
    // --ignore-scripts: nothing here needs them, so none may run. --include=dev: also where NODE_ENV is production.
    const flags = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
    const done = spawnSync(command, [...first, ...flags], { cwd: root, encoding: 'utf8', shell })
    if (done.error) fail(`\nCould not start npm: ${done.error.message}`)
    if (done.status !== 0) fail(`\n${done.stdout}${done.stderr}\nnpm ci failed; the lines above say why.`)
  })
  writeFileSync(stamp, wanted)
}

/** @param {string} script @param {string[]} args */
function hand(script, args) {
  const done = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' })
  process.exit(done.status ?? 1)
}

checkNode()
const [goal, ...args] = process.argv.slice(2)
if (!['demo', 'example', 'test'].includes(goal)) fail('usage: node scripts/setup.mjs demo|example|test [arguments]')
await install()
const { build } = await import('./build.mjs')
try {
  // a page has no use for the addon
  await build({ emulation: goal === 'test', ...(goal === 'example' ? { native: 'off' } : {}) })
} catch (error) {
  process.stderr.write(
    `${error instanceof Error ? error.message : error}\nThe build failed; the lines above say why.\n`,
  )
  if (goal === 'test') process.stdout.write('FAIL build\n0 passed, 1 failed, 0 skipped\n')
  process.exit(1)
}
if (goal === 'example') hand(path.join(root, 'scripts', 'serve-example.mjs'), args)
if (goal === 'test') hand(path.join(root, 'scripts', 'test.mjs'), args)
const { bundleScript } = await import('./lib/bundle.mjs')
hand(await bundleScript('examples/state-of-the-union/main.ts'), args)
