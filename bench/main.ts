import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import Benchmark from 'benchmark'
import { type BackendId, closeDevices, factorize, type MatrixInput, probeBackends } from 'nonneg'
import { inSlices } from '../ts/core/breathe.js'
import { toMatrixView } from '../ts/core/input.js'
import { iterationFlops } from '../ts/engine/costs.js'
import { type BenchProblem, problems } from './problems.js'

interface Row {
  readonly problem: string
  readonly backend: string
  readonly emulated: boolean
  readonly threads: number
  /** Seconds of one iteration, one entry a round. */
  readonly samples: number[]
  readonly median: number
  /** Median absolute deviation. */
  readonly spread: number
  readonly gflops: number
}

const { values: args } = parseArgs({
  options: {
    backends: { type: 'string', default: 'native,wasm' },
    threads: { type: 'string' },
    rounds: { type: 'string', default: '9' },
    only: { type: 'string', default: '' },
    out: { type: 'string', default: 'build/bench/fits.json' },
  },
})

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

/** Seconds of one iteration, from the second to the last: the first waits for caches and lazy compilation. */
async function sample(X: MatrixInput, problem: BenchProblem, backend: BackendId, threads: number): Promise<number> {
  const { rank, iterations } = problem
  const fit = await factorize(X, { rank, backend, threads, maxIterations: iterations + 1, tolerance: 0 })
  const { history } = fit
  return (history[iterations].seconds - history[0].seconds) / iterations
}

/** All backends on one problem, round by round in turn, so that a slow minute of the machine is shared. */
async function measure(problem: BenchProblem, backends: readonly BackendId[], threads: number): Promise<Row[]> {
  const X = await inSlices(toMatrixView(problem.make()))
  const samples = new Map<BackendId, number[]>(backends.map(id => [id, []]))
  for (let round = -1; round < Number(args.rounds); round++) {
    for (const id of backends) {
      const seconds = await sample(X, problem, id, threads)
      // one round to warm up
      if (round >= 0) samples.get(id)!.push(seconds)
    }
  }
  const flops = iterationFlops(X, problem.rank)
  const reports = await probeBackends()
  return backends.map(backend => {
    const own = samples.get(backend)!
    const middle = median(own)
    return {
      problem: problem.name,
      backend,
      emulated: reports.find(report => report.id === backend)!.emulated,
      threads,
      samples: own,
      median: middle,
      spread: median(own.map(value => Math.abs(value - middle))),
      gflops: flops / middle / 1e9,
    }
  })
}

/** Whether two rows differ by more than chance, by the Mann–Whitney test of the package `benchmark`. */
function verdict(a: Row, b: Row): string {
  const [first, second] = [a, b].map(row =>
    Object.assign(new Benchmark(row.backend, () => {}), { stats: { sample: row.samples } }),
  )
  if (first.compare(second as Benchmark) === 0) return 'no difference beyond chance'
  const [fast, slow] = a.median < b.median ? [a, b] : [b, a]
  return `${fast.backend} is ${(slow.median / fast.median).toFixed(2)} times as fast as ${slow.backend}`
}

const chosen = args.backends.split(',') as BackendId[]
const threads = Number(args.threads ?? os.availableParallelism())
const environment = {
  date: new Date().toISOString(),
  node: process.versions.node,
  platform: `${process.platform} ${process.arch}`,
  cpu: os.cpus()[0].model,
  cores: os.cpus().length,
  loadBefore: os.loadavg()[0],
  backends: await probeBackends(),
}
const rows: Row[] = []
for (const problem of problems.filter(({ name }) => name.includes(args.only))) {
  const measured = await measure(problem, chosen, threads)
  rows.push(...measured)
  for (const row of measured) {
    const emulated = row.emulated ? ' (emulated: says nothing about speed)' : ''
    const milliseconds = `${(row.median * 1e3).toFixed(3)} ± ${(row.spread * 1e3).toFixed(3)} ms`
    console.log(
      `${problem.name}  ${row.backend.padEnd(9)} ${milliseconds}  ${row.gflops.toFixed(1)} GFLOP/s${emulated}`,
    )
  }
  if (measured.length === 2) console.log(`  ${verdict(measured[0], measured[1])}`)
}
await closeDevices()
const file = path.resolve(args.out)
mkdirSync(path.dirname(file), { recursive: true })
writeFileSync(file, `${JSON.stringify({ environment, rows }, null, 2)}\n`)
console.log(`Results: ${file}`)
