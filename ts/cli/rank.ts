import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { Command, Option } from 'commander'
import { BACKEND_IDS } from '../backends/registry.js'
import { inSlices } from '../core/breathe.js'
import { readMatrix } from '../data/files.js'
import { fileError, stageFile } from '../data/staged-file.js'
import { LOSSES } from '../nmf/loss.js'
import type { RankChoice } from '../nmf/rank/choice.js'
import { type ChooseRankOptions, type RankProgress, resolveRankOptions } from '../nmf/rank/options.js'
import { checkFolder, countNonzeros } from './fit.js'
import { Interrupt } from './interrupt.js'
import { nameOrNumber, nonNegativeNumber, wholeNumber, wholeNumbers } from './numbers.js'
import { packageVersion } from './package.js'
import { CHOOSING, progress } from './progress.js'
import { type RankResult, rankTable } from './rank-table.js'

interface RankFlags extends Omit<ChooseRankOptions, 'mask' | 'weights'> {
  readonly mask?: string
  readonly weights?: string
  readonly plot?: string
  readonly header?: boolean
  readonly rowLabels?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

const EXAMPLES = `
FILE is a matrix as for nonneg fit. By cross-validation each fit is judged by entries
that it has not seen; by consensus fits from several starts are judged by how well
they agree on which rows belong together. FILE.json, the plot, is a Vega-Lite chart.

Examples:
  $ nonneg rank counts.mtx.gz --ranks 5,10,20,40 --loss kullback-leibler
  $ nonneg rank faces.npy --ranks 2-12 --replicates 10 --plot faces.vl.json
  $ nonneg rank ratings.mtx --mask ratings.mtx --ranks 1-8 --alpha-w 1e-4
  $ nonneg rank genes.csv --ranks 2-8 --method consensus --json | jq .rank`

export function rankCommand(): Command {
  return new Command('rank')
    .description('choose the number of components of a matrix file')
    .argument('<file>', 'the matrix to factorise')
    .option('-r, --ranks <list>', 'the ranks to choose from, such as 2,4,8 or 2-6 (required)', wholeNumbers)
    .option('--method <name>', 'cross-validation or consensus (default: cross-validation)')
    .option('--replicates <number>', 'fits of each rank (default: 3, by consensus 20)', wholeNumber(2))
    .option('--rule <name>', 'one-standard-error or minimum; dispersion or cophenetic (default: the first)')
    .option('--holdout <share>', 'of the entries in each replicate (default: 0.1)', nonNegativeNumber)
    .option('--sample-rows <number>', 'rows that consensus compares at most (default: 4096)', wholeNumber(2))
    .option('--loss <name>', `what to minimise: ${Object.keys(LOSSES).join(', ')}, or a number β`, nameOrNumber)
    .option('--solver <name>', 'how, as for nonneg fit')
    .option('--starts <number>', 'random starts of each fit, the best goes on (default: 1)', wholeNumber(1))
    .option('--alpha-w <number>', 'penalty on W, as scikit-learn scales it (default: 0)', nonNegativeNumber)
    .option('--alpha-h <number>', 'penalty on H (default: that on W)', nonNegativeNumber)
    .option('--l1-ratio <number>', 'share of the penalty on sums, not squares (default: 0)', nonNegativeNumber)
    .option('--mask <file>', '1 where a matrix is observed, else 0; or the entries of a .mtx')
    .option('--weights <file>', 'weights of the entries, at least 0')
    .option('--seed <number>', 'of starts, hold-outs and samples (default: 0)', wholeNumber(0))
    .option('--max-iterations <number>', 'iterations of each fit at most (default: 200)', wholeNumber(1))
    .option('--tolerance <number>', 'end a fit when ten iterations gain less (default: 1e-4)', nonNegativeNumber)
    .addOption(new Option('--backend <name>', 'where to compute').choices(['auto', ...BACKEND_IDS]).default('auto'))
    .option('--threads <number>', 'CPU threads (default: all)', wholeNumber(1))
    .option(
      '--concurrency <number>',
      'fits at once, at most (default: native as there are threads, else 1)',
      wholeNumber(1),
    )
    .addOption(new Option('--dtype <name>', 'precision').choices(['f32', 'f64']).default('f32'))
    .option('--fast', 'WASM: relaxed SIMD, whose last bits depend on the machine')
    .option('--plot <file>', 'write a chart of the evidence, a Vega-Lite specification')
    .option('--header', 'CSV and TSV: the first line holds names (default: seen from the file)')
    .option('--no-header', 'CSV and TSV: it does not')
    .option('--row-labels', 'CSV and TSV: each line begins with a name (default: seen from the file)')
    .option('--no-row-labels', 'CSV and TSV: it does not')
    .option('--json', 'print one JSON object and nothing else')
    .option('-q, --quiet', 'print nothing')
    .addHelpText('after', EXAMPLES)
    .action((file: string, flags: Partial<RankFlags>, command: Command) => {
      // commander would ask for it before it looks for options that are misspelt
      if (flags.ranks === undefined) command.error("option '--ranks' is required")
      return rank(file, flags as RankFlags)
    })
}

async function rank(file: string, flags: RankFlags): Promise<void> {
  const { plot, mask, weights, header, rowLabels, json = false, quiet = false, ...given } = flags
  const interrupt = new Interrupt()
  const { signal } = interrupt
  const shown = progress(!json && !quiet, CHOOSING)
  try {
    const onProgress = ({ done, value }: RankProgress) => shown.iteration({ iteration: done, loss: value })
    const options: ChooseRankOptions = { ...given, signal, onProgress }
    const { ranks, replicates, fit } = resolveRankOptions(options)
    if (plot !== undefined) await checkFolder(path.dirname(plot), '--plot')
    shown.reading(file)
    const read = (name: string) => readMatrix(name, { signal, dtype: fit.dtype, header, rowLabels })
    const { matrix } = await read(file)
    const masking = mask === undefined ? undefined : (await read(mask)).matrix
    const weighing = weights === undefined ? undefined : (await read(weights)).matrix
    const nonzeros = await inSlices(countNonzeros(matrix), signal)
    const { chooseRank } = await import('../node.js')
    shown.fitting(ranks.length * replicates)
    const choice = await chooseRank(matrix, { ...options, mask: masking, weights: weighing })
    shown.stop()
    if (plot !== undefined) await writePlot(plot, choice, signal)
    const { explain, plot: _, ...found } = choice
    const facts = { rows: matrix.rows, columns: matrix.columns, nonzeros, sparse: matrix.kind === 'csr' }
    const result: RankResult = { version: packageVersion(), file, ...facts, ...found, plot }
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
    else if (!quiet) process.stdout.write(rankTable(result))
  } finally {
    shown.stop()
    interrupt.release()
  }
}

async function writePlot(file: string, choice: RankChoice, signal: AbortSignal): Promise<void> {
  try {
    await mkdir(path.dirname(file), { recursive: true })
    const text = `${JSON.stringify(choice.plot(), null, 2)}\n`
    await (await stageFile(file, [new TextEncoder().encode(text)], signal)).commit()
  } catch (cause) {
    throw fileError('write', file, cause)
  }
}
