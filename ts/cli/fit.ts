import { constants } from 'node:fs'
import { access, mkdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { Command, Option } from 'commander'
import { BACKEND_IDS } from '../backends/registry.js'
import type { WebgpuOptions } from '../backends/webgpu/options.js'
import { inSlices } from '../core/breathe.js'
import { NonnegError } from '../core/errors.js'
import { entryCount, type MatrixView } from '../core/matrix.js'
import { readMatrix, stageMatrix } from '../data/files.js'
import type { LabelledMatrix, Labels } from '../data/labelled-matrix.js'
import { fileError, type StagedFile } from '../data/staged-file.js'
import type { Factorization } from '../nmf/factorize.js'
import { LOSSES } from '../nmf/loss.js'
import type { FactorizeOptions } from '../nmf/options.js'
import { resolveOptions } from '../nmf/resolve-options.js'
import { SOLVER_NAMES } from '../nmf/solvers.js'
import { SCHEDULER_NAMES, type SchedulerName } from '../schedulers/registry.js'
import { type FitResult, summary } from './fit-summary.js'
import { Interrupt } from './interrupt.js'
import { byteCount, nameOrNumber, nonNegativeNumber, wholeNumber, wholeNumbers } from './numbers.js'
import { packageVersion } from './package.js'
import { progress } from './progress.js'
import { checkStart, frozenOf, linesOrFile, promisedStart, readStart, type StartFlags } from './start.js'

interface FitFlags extends Omit<FactorizeOptions, 'mask' | 'weights' | 'scheduler' | 'frozen' | 'webgpu'>, StartFlags {
  readonly scheduler?: SchedulerName
  readonly mask?: string
  readonly holdout?: number
  readonly weights?: string
  readonly out: string
  readonly format: 'npy' | 'csv' | 'json'
  readonly timeBudget?: number
  readonly memoryLimit?: number
  readonly subgroups?: 'on' | 'off' | 'auto'
  readonly header?: boolean
  readonly rowLabels?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

const EXAMPLES = `
FILE is a matrix of numbers ≥ 0, samples in rows: .mtx (MatrixMarket), .npy, .csv
or .tsv, each also with .gz. DIR gets W (rows × rank) and H (rank × columns), whose
product approximates it. What is frozen is counted from 0, and stays as the start has it.

Examples:
  $ nonneg fit counts.mtx.gz --rank 20 --out topics
  $ nonneg fit faces.npy --rank 49 --out parts --max-iterations 1000 --tolerance 0 --seed 7
  $ nonneg fit ratings.csv --rank 8 --out model --format csv --json | jq .relativeError
  $ nonneg fit counts.mtx.gz --rank 20 --out topics --loss kullback-leibler
  $ nonneg fit faces.npy --rank 49 --out parts --solver sgd --scheduler cosine
  $ nonneg fit ratings.mtx --mask ratings.mtx --rank 8 --out tastes --solver hals --alpha-w 1e-4
  $ nonneg fit spectra.npy --rank 6 --out mixed --init-h known.npy --frozen-components 0,1`

export function fitCommand(): Command {
  return new Command('fit')
    .description('factorise a matrix file into W and H')
    .argument('<file>', 'the matrix to factorise')
    .option('-r, --rank <number>', 'how many components (required)', wholeNumber(1))
    .option('-o, --out <dir>', 'where W and H go, made if not there (required)')
    .option('--loss <name>', `what to minimise: ${Object.keys(LOSSES).join(', ')}, or a number β`, nameOrNumber)
    .option('--solver <name>', `how: auto, ${SOLVER_NAMES.join(', ')}`)
    .option('--alpha-w <number>', 'penalty on W, as scikit-learn scales it (default: 0)', nonNegativeNumber)
    .option('--alpha-h <number>', 'penalty on H (default: that on W)', nonNegativeNumber)
    .option('--l1-ratio <number>', 'share of the penalty on sums, not squares (default: 0)', nonNegativeNumber)
    .addOption(
      new Option('--mask <file>', '1 where a matrix is observed, else 0; or the entries of a .mtx').conflicts(
        'holdout',
      ),
    )
    .option('--holdout <share>', 'leave out about so many of the entries, by a hash', nonNegativeNumber)
    .option('--weights <file>', 'weights of the entries, at least 0')
    .option('--max-w <number>', 'no entry of W above this', nonNegativeNumber)
    .option('--max-h <number>', 'no entry of H above this', nonNegativeNumber)
    .addOption(
      new Option(
        '--init <name>',
        'where to start: random, nndsvd, nndsvda, nndsvdar (default: by the problem)',
      ).conflicts(['initW', 'initH']),
    )
    .option('--init-w <file>', 'start with this W, rows × rank (default: drawn at random beside an H)')
    .option('--init-h <file>', 'start with this H, rank × columns (default: drawn at random beside a W)')
    .option('--frozen-components <list>', 'such as 0,3-5: their rows of H stay as --init-h has them', wholeNumbers)
    .option('--frozen-rows <list>', 'or a file of numbers: these rows of W stay as --init-w has them', linesOrFile)
    .option('--frozen-columns <list>', 'or a file: these columns of H stay as --init-h has them', linesOrFile)
    .option('--starts <number>', 'try so many random starts, and go on with the best (default: 1)', wholeNumber(1))
    .option('--seed <number>', 'seed of the random start (default: 0)', wholeNumber(0))
    .option('--batch-rows <number>', 'solvers with batches: rows of one (default: 128; online 1024)', wholeNumber(1))
    .option(
      '--forget-factor <number>',
      'online solver: what a pass leaves of the ones before (default: 0.7)',
      nonNegativeNumber,
    )
    .option('--no-shuffle', 'smu, svrmu, sgd: keep the order of the rows')
    .option('--rounds <number>', 'smu, svrmu, sgd: moves of W for one of H (default: 1; sgd 10)', wholeNumber(1))
    .option('--ratio <number>', 'svrmu: the share of each update of H that is taken (default: 1)', nonNegativeNumber)
    .option(
      '--learning-rate <number>',
      'sgd: in units of the bound (default: 0.5); of --no-safe raw',
      nonNegativeNumber,
    )
    .option('--scheduler <name>', `sgd: what steers the rate: ${SCHEDULER_NAMES.join(', ')}`)
    .option('--no-safe', 'sgd: take steps as long as the rate says, with no bound')
    .option('--noise <number>', 'sgd: standard deviation of noise in the gradients (default: 0)', nonNegativeNumber)
    .option('--update-limit <number>', 'sgd: no entry moves further in one step', nonNegativeNumber)
    .option('--max-iterations <number>', 'iterations at most (default: 200)', wholeNumber(1))
    .option(
      '--tolerance <number>',
      'stop when ten iterations gain less; 0 never does (default: 1e-4)',
      nonNegativeNumber,
    )
    .option('--patience <number>', 'so many looks must gain too little (default: 1)', wholeNumber(1))
    .option('--violation-tolerance <number>', 'stop at this share of the first projected gradient', nonNegativeNumber)
    .option('--target-loss <number>', 'stop at this loss', nonNegativeNumber)
    .option('--time-budget <seconds>', 'begin no iteration after so long', nonNegativeNumber)
    .addOption(new Option('--backend <name>', 'where to compute').choices(['auto', ...BACKEND_IDS]).default('auto'))
    .option('--threads <number>', 'CPU threads (default: all)', wholeNumber(1))
    .addOption(new Option('--dtype <name>', 'precision').choices(['f32', 'f64']).default('f32'))
    .addOption(
      new Option('--storage <name>', 'a dense X in half precision: webgpu alone, loses digits').choices(['f16']),
    )
    .option('--memory-limit <size>', 'WebGPU: bytes that the fit may take of the GPU, such as 2GiB', byteCount)
    .addOption(
      new Option('--subgroups <wish>', 'WebGPU: on demands them, off does without').choices(['on', 'off', 'auto']),
    )
    .option('--fast', 'WASM: relaxed SIMD, whose last bits depend on the machine')
    .addOption(new Option('--format <name>', 'of the files for W and H').choices(['npy', 'csv', 'json']).default('npy'))
    .option('--header', 'CSV and TSV: the first line holds names (default: seen from the file)')
    .option('--no-header', 'CSV and TSV: it does not')
    .option('--row-labels', 'CSV and TSV: each line begins with a name (default: seen from the file)')
    .option('--no-row-labels', 'CSV and TSV: it does not')
    .option('--json', 'print one JSON object and nothing else')
    .option('-q, --quiet', 'print nothing')
    .addHelpText('after', EXAMPLES)
    .action((file: string, flags: Partial<FitFlags>, command: Command) => fit(file, complete(flags, command)))
}

/** Commander would ask for these before it looks for options that are misspelt. */
function complete(flags: Partial<FitFlags>, command: Command): FitFlags {
  for (const name of ['rank', 'out'] as const) {
    if (flags[name] === undefined) command.error(`option '--${name}' is required`)
  }
  checkStart(flags, command)
  return flags as FitFlags
}

/** What the flags say of the GPU; undefined where they say nothing. */
function webgpuOf(
  memoryLimit: FitFlags['memoryLimit'],
  subgroups: FitFlags['subgroups'] = 'auto',
): WebgpuOptions | undefined {
  if (memoryLimit === undefined && subgroups === 'auto') return undefined
  return { memoryLimit, subgroups: subgroups === 'auto' ? undefined : subgroups === 'on' }
}

async function fit(file: string, flags: FitFlags): Promise<void> {
  const { out, format, timeBudget, header, rowLabels, json = false, quiet = false, ...rest } = flags
  const { mask, holdout, weights, safe, shuffle, memoryLimit, subgroups, ...others } = rest
  const { initW, initH, frozenComponents, frozenRows, frozenColumns, ...own } = others
  const start = { initW, initH, frozenComponents, frozenRows, frozenColumns }
  // commander says true of what nobody has switched off
  const given = { ...own, ...(safe ? {} : { safe }), ...(shuffle ? {} : { shuffle }) }
  const interrupt = new Interrupt()
  const { signal } = interrupt
  const shown = progress(!json && !quiet)
  try {
    const timeBudgetMs = timeBudget === undefined ? undefined : timeBudget * 1000
    const hashed = holdout === undefined ? undefined : { holdout }
    const [frozen, webgpu] = [await frozenOf(start), webgpuOf(memoryLimit, subgroups)]
    const running = { timeBudgetMs, signal, onProgress: shown.iteration.bind(shown) }
    const options = { ...given, frozen, webgpu, mask: hashed, ...running }
    const { maxIterations, dtype } = resolveOptions({ ...options, init: promisedStart(start) ?? given.init })
    await checkFolder(out)
    shown.reading(file)
    // in the fit's own precision: float32 takes half the memory
    const read = (name: string) => readMatrix(name, { signal, dtype, header, rowLabels })
    const input = await read(file)
    const shownEntries = mask === undefined ? hashed : (await read(mask)).matrix
    const weighing = weights === undefined ? undefined : (await read(weights)).matrix
    // names are seen from these files themselves: theirs are not those of X
    const init = await readStart(start, async name => (await readMatrix(name, { signal, dtype })).matrix)
    const nonzeros = await inSlices(countNonzeros(input.matrix), signal)
    const { factorize } = await import('../node.js')
    shown.fitting(maxIterations)
    const factorization = await factorize(input.matrix, {
      ...{ ...options, init: init ?? given.init },
      ...{ mask: shownEntries, weights: weighing },
    })
    shown.stop()
    const files = await writeFactors(out, format, input, factorization, signal)
    const result = resultOf(file, input, nonzeros, factorization, files)
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
    else if (!quiet) process.stdout.write(summary(result))
  } finally {
    shown.stop()
    interrupt.release()
  }
}

/** Refuses an output folder that cannot be, before a long fit and not after it. */
export async function checkFolder(folder: string, option = '--out'): Promise<void> {
  for (let place = path.resolve(folder); ; place = path.dirname(place)) {
    try {
      if (!(await stat(place)).isDirectory()) {
        throw new NonnegError('ERR_NONNEG_FILE', `cannot write to ${folder}: ${place} is not a folder`, {
          fix: `name another folder with ${option}`,
        })
      }
      await access(place, constants.W_OK)
      return
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      const missing = code === 'ENOENT' || code === 'ENOTDIR'
      if (!missing || place === path.dirname(place)) throw fileError('write', folder, cause)
    }
  }
}

export function* countNonzeros(X: MatrixView): Generator<void, number> {
  if (X.kind === 'csr') return entryCount(X)
  let found = 0
  for (let i = 0; i < X.rows; i++) {
    const begin = X.offset + i * X.stride
    for (let j = 0; j < X.columns; j++) if (X.data[begin + j] !== 0) found++
    yield
  }
  return found
}

/** The input's own labels, and names for the components, where the format and the input have them. */
function labelsOf(input: Labels, format: string, rank: number): { W: Labels; H: Labels } {
  const { rowLabels, columnLabels } = input
  if (format === 'npy' || (rowLabels === undefined && columnLabels === undefined)) return { W: {}, H: {} }
  const components = Array.from({ length: rank }, (_, k) => `component ${k + 1}`)
  return { W: { rowLabels, columnLabels: components }, H: { rowLabels: components, columnLabels } }
}

/** Both files, or none. */
async function writeFactors(
  folder: string,
  format: FitFlags['format'],
  input: LabelledMatrix,
  { W, H }: Factorization,
  signal: AbortSignal,
): Promise<{ W: string; H: string }> {
  const files = { W: path.join(folder, `W.${format}`), H: path.join(folder, `H.${format}`) }
  const labels = labelsOf(input, format, H.rows)
  const staged: StagedFile[] = []
  try {
    await mkdir(folder, { recursive: true })
    staged.push(await stageMatrix(files.W, W, { format, labels: labels.W, signal }))
    staged.push(await stageMatrix(files.H, H, { format, labels: labels.H, signal }))
    for (const file of staged) await file.commit()
  } catch (cause) {
    await Promise.all(staged.map(file => file.discard()))
    throw fileError('write', folder, cause)
  }
  return files
}

function resultOf(
  file: string,
  { matrix }: LabelledMatrix,
  nonzeros: number,
  fit: Factorization,
  files: { W: string; H: string },
): FitResult {
  const { W: _W, H, history: _history, plan, explain: _explain, checkpoint: _checkpoint, ...told } = fit
  return {
    version: packageVersion(),
    file,
    rows: matrix.rows,
    columns: matrix.columns,
    nonzeros,
    sparse: matrix.kind === 'csr',
    rank: H.rows,
    ...told,
    threads: plan.threads,
    refusals: plan.refusals,
    files,
  }
}
