import { mkdir } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { Command, Option } from 'commander'
import { BACKEND_IDS } from '../backends/registry.js'
import { inSlices } from '../core/breathe.js'
import { NonnegError } from '../core/errors.js'
import { readMatrix } from '../data/files.js'
import { fileError, stageFile } from '../data/staged-file.js'
import { type CompareOptions, DEFAULT_SCHEDULERS, resolveCompareOptions } from '../nmf/schedule/options.js'
import { totalEpochs } from '../nmf/schedule/protocol.js'
import { SCHEDULER_NAMES } from '../schedulers/registry.js'
import { checkFolder, countNonzeros } from './fit.js'
import { Interrupt } from './interrupt.js'
import { names, nonNegativeNumber, wholeNumber } from './numbers.js'
import { packageVersion } from './package.js'
import { COMPARING, progress } from './progress.js'
import { scheduleReport } from './report/schedule-report.js'
import { type ScheduleResult, scheduleTable, shortfall } from './schedule-table.js'

interface ScheduleFlags extends CompareOptions {
  readonly report?: string
  readonly header?: boolean
  readonly rowLabels?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

const EXAMPLES = `
FILE is a matrix as for nonneg fit, factorised by stochastic gradient steps under the
Frobenius loss. Each scheduler gets the same number of runs to find its rate, then the
same seeds; runs of one seed differ by the scheduler alone.

Schedulers: ${SCHEDULER_NAMES.join(', ')},
or all of them: all.

Examples:
  $ nonneg schedule faces.npy --rank 20 --schedulers greedy,cosine,step --report faces.html
  $ nonneg schedule counts.mtx.gz --rank 10 --schedulers all --epochs 40 --repeats 5
  $ nonneg schedule faces.npy --rank 20 --noise 0.1 --json | jq '.standings[0].name'`

export function scheduleCommand(): Command {
  return new Command('schedule')
    .description('run learning-rate schedulers against each other on a matrix file')
    .argument('<file>', 'the matrix to factorise')
    .option('-r, --rank <number>', 'how many components (required)', wholeNumber(1))
    .option('--schedulers <list>', `which ones (default: ${DEFAULT_SCHEDULERS.join(',')})`, names)
    .option('--epochs <number>', 'passes over the matrix of each full run (default: 20)', wholeNumber(1))
    .option('--tuning-runs <number>', 'rates that each scheduler is tried with (default: 5)', wholeNumber(1))
    .option('--repeats <number>', 'full runs of each, from different seeds (default: 3)', wholeNumber(1))
    .option('--batch-rows <number>', 'rows of a batch (default: a sixteenth of all, at most 1024)', wholeNumber(1))
    .option('--noise <number>', 'standard deviation of noise on the gradients (default: 0)', nonNegativeNumber)
    .option('--no-safe', 'take rates as they come, without bounds, so that runs can diverge')
    .option('--seed <number>', 'of the tuning; the full runs take the ones after it (default: 0)', wholeNumber(0))
    .option('--time-budget-ms <number>', 'begin nothing after so long, and show what there is', nonNegativeNumber)
    .addOption(new Option('--backend <name>', 'where to compute').choices(['auto', ...BACKEND_IDS]).default('auto'))
    .option('--threads <number>', 'CPU threads (default: all)', wholeNumber(1))
    .option('--report <file>', 'write a page with the curves, an HTML file that stands by itself')
    .option('--header', 'CSV and TSV: the first line holds names (default: seen from the file)')
    .option('--no-header', 'CSV and TSV: it does not')
    .option('--row-labels', 'CSV and TSV: each line begins with a name (default: seen from the file)')
    .option('--no-row-labels', 'CSV and TSV: it does not')
    .option('--json', 'print one JSON object and nothing else')
    .option('-q, --quiet', 'print nothing')
    .addHelpText('after', EXAMPLES)
    .action((file: string, flags: Partial<ScheduleFlags>, command: Command) => {
      // commander would ask for it before it looks for options that are misspelt
      if (flags.rank === undefined) command.error("option '--rank' is required")
      return schedule(file, flags as ScheduleFlags)
    })
}

async function schedule(file: string, flags: ScheduleFlags): Promise<void> {
  const { report, header, rowLabels, json = false, quiet = false, schedulers, ...given } = flags
  const interrupt = new Interrupt()
  const { signal } = interrupt
  const shown = progress(!json && !quiet, COMPARING)
  try {
    const onEpoch = (done: number) => shown.iteration({ iteration: done, loss: 0 })
    const chosen = schedulers?.length === 1 && schedulers[0] === 'all' ? SCHEDULER_NAMES : schedulers
    const options: CompareOptions = { ...given, schedulers: chosen, signal, onEpoch }
    const resolved = resolveCompareOptions(options)
    if (report !== undefined) await checkFolder(path.dirname(report), '--report')
    shown.reading(file)
    const { matrix } = await readMatrix(file, { signal, dtype: 'f32', header, rowLabels })
    const nonzeros = await inSlices(countNonzeros(matrix), signal)
    // the entry registers the backends
    await import('../node.js')
    const { compareSchedulers } = await import('../nmf/schedule/compare-schedulers.js')
    shown.fitting(totalEpochs(resolved.schedulers.length, resolved.references.length, resolved))
    const comparison = await compareSchedulers(matrix, options)
    shown.stop()
    const facts = { version: packageVersion(), file, nonzeros, sparse: matrix.kind === 'csr' }
    const result: ScheduleResult = { ...facts, ...comparison, report }
    if (report !== undefined) await writeReport(report, result)
    if (json) process.stdout.write(`${JSON.stringify(result)}\n`)
    else if (!quiet) process.stdout.write(scheduleTable(result))
    if (result.ended === 'aborted') {
      throw new NonnegError('ERR_NONNEG_ABORTED', shortfall(result)!, { detail: { kept: true } })
    }
  } finally {
    shown.stop()
    interrupt.release()
  }
}

async function writeReport(file: string, result: ScheduleResult): Promise<void> {
  const environment = {
    date: new Date().toISOString(),
    node: process.versions.node,
    system: `${process.platform} ${process.arch} ${os.release()}`,
    processor: `${os.cpus().at(0)?.model.trim() ?? 'unknown'}, ${os.availableParallelism()} threads`,
  }
  try {
    await mkdir(path.dirname(file), { recursive: true })
    await (await stageFile(file, [new TextEncoder().encode(scheduleReport(result, environment))])).commit()
  } catch (cause) {
    throw fileError('write', file, cause)
  }
}
