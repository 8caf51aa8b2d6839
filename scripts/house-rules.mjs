// Rules of the house that no linter knows. Each answers with the places that break it.
import { spawnSync } from 'node:child_process'
import { lstatSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from './lib/stamp.mjs'

const LONGEST_FILE = 400
const LARGEST_FILE = 1_000_000
const SOURCE = /\.(ts|mts|mjs|js|wgsl|cpp|cc|h|hpp|inl|cu|cuh)$/
const BUILT = /\.(wasm|node|so(\.\d+)*|o|a|obj|lib|dll|dylib|exe|cubin|tgz|zip)$/
const BINARY_DATA = /^(test|docs|examples)\/.*\.(png|npy|npz|mat|h5|gz)$/

const entryOf = file => lstatSync(path.join(root, file), { throwIfNoEntry: false })

/** Tracked files, and new ones that git does not ignore. */
function projectFiles() {
  const listed = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.error?.message ?? listed.stderr}`)
  return listed.stdout
    .split('\0')
    .filter(file => file !== '' && entryOf(file)?.isFile())
    .sort()
}

const bytesOf = file => readFileSync(path.join(root, file))
const textOf = file => bytesOf(file).toString('utf8')

/** `file:line: text` for every line that `matches` accepts. */
function lines(files, matches) {
  return files.flatMap(file =>
    textOf(file)
      .split('\n')
      .flatMap((line, index) => (matches(line, file) ? [`${file}:${index + 1}: ${line.trim().slice(0, 100)}`] : [])),
  )
}

function shortFiles(files) {
  return files
    .filter(file => SOURCE.test(file))
    .map(file => ({ file, count: textOf(file).split('\n').length - 1 }))
    .filter(({ count }) => count > LONGEST_FILE)
    .map(({ file, count }) => `${file}: ${count} lines, at most ${LONGEST_FILE}`)
}

function finished(files) {
  // Spelt in halves so that this file does not break its own rule.
  const words = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'HA' + 'CK'].join('|')})\\b`)
  return lines(
    files.filter(file => SOURCE.test(file) || file.endsWith('.md')),
    line => words.test(line),
  )
}

function noMachinePaths(files) {
  const place = new RegExp(`(^|[^A-Za-z0-9_.:/])/(${['work', 'tmp', 'root', 'home'].join('|')})/`)
  return lines(
    files.filter(file => SOURCE.test(file) || /\.(md|json|txt)$|^\.ci\//.test(file)),
    line => place.test(line),
  )
}

function testsAreOn(files) {
  const tests = files.filter(file => file.startsWith('test/') && SOURCE.test(file))
  const alone = /\b(it|test|describe|suite)(\.\w+)*\.(only|todo)\b/
  const off = /\b(it|test|describe|suite)(\.\w+)*\.skip\s*\((?!.*because)/
  const silent = /\.skip\(\s*\)/
  return lines(tests, line => alone.test(line) || off.test(line) || silent.test(line))
}

function noBuiltFiles(files) {
  return files.flatMap(file => {
    const { size } = entryOf(file)
    if (BUILT.test(file)) return [`${file}: built output`]
    if (size > LARGEST_FILE) return [`${file}: ${size} bytes, at most ${LARGEST_FILE}`]
    if (bytesOf(file).subarray(0, 8000).includes(0) && !BINARY_DATA.test(file)) return [`${file}: binary`]
    return []
  })
}

// Each folder of ts/ may import itself and these; an arrow that is missing here points up.
const ARROWS = {
  core: [],
  kernels: ['core'],
  schedulers: ['core'],
  backends: ['kernels', 'core', 'generated'],
  engine: ['backends', 'kernels', 'core'],
  optimizers: ['schedulers', 'engine', 'backends', 'kernels', 'core'],
  tfjs: ['optimizers', 'schedulers', 'core'],
  data: ['engine', 'backends', 'kernels', 'core', 'generated'],
  nmf: ['schedulers', 'engine', 'backends', 'kernels', 'core'],
}

function arrowsPointDown(files) {
  return files.flatMap(file => {
    const from = /^ts\/(\w+)\//.exec(file)?.[1]
    if (!from || !(from in ARROWS) || !file.endsWith('.ts')) return []
    return [...textOf(file).matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']*)'/g)].flatMap(([, target]) => {
      const to = path.posix.join(path.posix.dirname(file), target).split('/')
      const folder = to[0] === 'ts' && to.length > 2 ? to[1] : to.join('/')
      return folder === from || ARROWS[from].includes(folder) ? [] : [`${file} imports ${target}: ${from} → ${folder}`]
    })
  })
}

/** The kernels that a list in ts/kernels imports. */
const stemsIn = list => [...textOf(list).matchAll(/import \{ (\w+) \} from '\.\/\1\.js'/g)].map(match => match[1])

// Those of the optimizers.
const VECTORS = stemsIn('ts/kernels/vectors.ts')
// What CUDA has: the unweighted Frobenius loss by multiplicative updates.
const ON_CUDA = ['xht_dense', 'xtw_dense', 'xht_csr', 'gram', 'mu_update', 'dot']
// WebGPU turns the entries of W·H into the terms of a loss where they are formed, and hashes them there; CPUs do so tile by tile.
const ON_WEBGPU_ALONE = ['beta_tile', 'beta_xht_dense']
const ON_CPUS_ALONE = ['wh_dense', 'beta_terms', 'holdout']

const KERNEL_FILES = [
  { file: stem => `ts/kernels/${stem}.ts`, has: () => true },
  { file: stem => `wasm/${stem}.ts`, has: stem => !ON_WEBGPU_ALONE.includes(stem) },
  { file: stem => `native/cpu/${stem}.inl`, has: stem => !ON_WEBGPU_ALONE.includes(stem) },
  { file: stem => `native/cuda/${stem}.cu`, has: stem => ON_CUDA.includes(stem) },
  { file: stem => `shaders/${stem}.wgsl`, has: stem => !ON_CPUS_ALONE.includes(stem) },
]

/** A kernel has one file of its own stem in every place that implements kernels. */
function kernelsEverywhere(files) {
  const stems = [...stemsIn('ts/kernels/index.ts'), ...VECTORS]
  if (stems.length === VECTORS.length || VECTORS.length === 0) return ['ts/kernels: a list names no kernel']
  return KERNEL_FILES.flatMap(({ file, has }) =>
    stems.filter(stem => has(stem) && !files.includes(file(stem))).map(stem => `${file(stem)} is missing`),
  )
}

const RULES = {
  'files are short': shortFiles,
  'nothing is marked unfinished': finished,
  'no path of one machine': noMachinePaths,
  'no test is switched off or alone': testsAreOn,
  'nothing built is committed': noBuiltFiles,
  'arrows point down': arrowsPointDown,
  'every kernel has its files': kernelsEverywhere,
}

/** @returns {{ name: string, problems: string[] }[]} */
export function houseRules() {
  const files = projectFiles()
  return Object.entries(RULES).map(([name, rule]) => ({ name, problems: rule(files) }))
}
