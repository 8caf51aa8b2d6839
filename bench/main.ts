// `npm run bench`: holds the bouts that are asked for, writes the results, and for a full run docs/performance.md.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { probeBackends } from 'nonneg'
import { argumentComplaints } from './arguments.js'
import { type Bout, hold } from './bout.js'
import { DataFolder } from './data.js'
import { ISAS, ROOFLINE } from './entrants.js'
import { resultsFile, watchEnvironment } from './environment.js'
import { type GpuBackend, gpuResultsFile, nothingMeasured } from './gpu/files.js'
import { GPU_BACKENDS, GPU_PAGES, gpuBackendOf, writeGpuPage } from './gpu/pages.js'
import type { GpuScale } from './gpu/plan.js'
import { GROUPS, type Setting, USUAL_GROUPS } from './groups.js'
import { otherMachines } from './machines.js'
import { bulletin, type Notes, performancePage } from './report.js'
import { type Comparison, type Results, type Row, resultsComplaints, SCHEMA_VERSION } from './schema.js'
import { linesOf } from './targets.js'

const USAGE = `npm run bench -- [options]
  --groups NAMES     of ${Object.keys(GROUPS).join(', ')} (default: all but those of GPUs)
  --only TEXT        problems whose string contains it
  --backends NAMES   of nonneg's own rows: native, wasm, webgpu, cuda (default: all); webgpu and cuda stand for their groups too
  --threads N        the most threads of a row (default: 2, or what the machine has)
  --rounds N         turns of every contestant (default: 11; quick: 3)
  --quick            small problems, in less than two minutes
  --out FILE         where the results go
  --render FILE      makes docs/performance.md again from results, or docs/webgpu.md or docs/cuda.md from
                     all of that backend, and measures nothing`

const { values: args } = parseArgs({
  options: {
    groups: { type: 'string' },
    only: { type: 'string' },
    backends: { type: 'string' },
    threads: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    out: { type: 'string' },
    render: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const PAGE = path.join('docs', 'performance.md')
const NOTES = path.join('bench', 'notes.json')
const OWN = ['native', 'wasm', ...GPU_BACKENDS, 'auto', 'package']

async function writePage(results: Results, source: string): Promise<void> {
  const gpus = GPU_BACKENDS.filter(id => results.rows.some(({ group }) => GPU_PAGES[id].groups.includes(group)))
  for (const backend of gpus) console.log(`Page: ${await writeGpuPage(backend)}`)
  if (gpus.length > 0) return
  const notes = JSON.parse(readFileSync(NOTES, 'utf8')) as Notes
  const file = source.split(path.sep).join('/')
  writeFileSync(PAGE, performancePage(results, notes, file, otherMachines(file)))
  console.log(`Page: ${PAGE}`)
}

/** The widest instruction set that the roofline program finds on this processor. */
function widestIsa(): string {
  const known = ISAS.filter(isa => {
    const input = `start op=fma isa=${isa} threads=1\nstop\n`
    return spawnSync(ROOFLINE, [], { input, encoding: 'utf8' }).stdout?.startsWith('ok')
  })
  return known.at(-1) ?? 'baseline'
}

const complaints = argumentComplaints(args, OWN)
if (complaints.length > 0) {
  for (const complaint of complaints) console.error(complaint)
  process.exit(2)
}
const backends = args.backends?.split(',')

function chosenGroups(): readonly string[] {
  if (args.groups) return args.groups.split(',')
  const gpus = GPU_BACKENDS.filter(backend => backends?.includes(backend))
  const own = gpus.flatMap(backend => GPU_PAGES[backend].groups)
  return gpus.length > 0 && gpus.length === backends?.length ? own : [...USUAL_GROUPS, ...own]
}

/** How large problems of a GPU are: those of an emulation only show that everything runs. */
async function scaleOf(backend: GpuBackend): Promise<GpuScale> {
  if (!chosenGroups().some(name => GPU_PAGES[backend].groups.includes(name))) return 'full'
  const found = (await probeBackends()).find(({ id }) => id === backend)
  if (!found?.available || found.emulated) return 'emulated'
  return args.quick ? 'quick' : 'full'
}

function chosenBouts(setting: Setting): Bout[] {
  const names = chosenGroups()
  const unknown = names.filter(name => !Object.hasOwn(GROUPS, name))
  if (unknown.length > 0) {
    console.error(`there is no group ${unknown.join(', ')}; there are ${Object.keys(GROUPS).join(', ')}`)
    process.exit(2)
  }
  // beside CUDA the other backend on the same GPU is a peer
  const others = backends?.includes('cuda') ? GPU_BACKENDS : []
  const isIn = (backend: string) =>
    !OWN.includes(backend) || backends === undefined || [...backends, ...others].includes(backend)
  return names
    .flatMap(name => GROUPS[name](setting))
    .filter(({ problem }) => problem.includes(args.only ?? ''))
    .map(bout => ({ ...bout, entrants: bout.entrants.filter(({ backend }) => isIn(backend)) }))
    .filter(({ entrants }) => entrants.length > 0)
}

async function measure(): Promise<void> {
  const rounds = Number(args.rounds ?? (args.quick ? 3 : 11))
  const data = new DataFolder(path.join('build', 'bench', 'data'))
  const threads = Number(args.threads ?? Math.min(2, os.availableParallelism()))
  const [gpuScale, cudaScale] = [await scaleOf('webgpu'), await scaleOf('cuda')]
  const bouts = chosenBouts({ data, threads, widest: widestIsa(), quick: args.quick, gpuScale, cudaScale })
  const environment = await watchEnvironment(rounds)
  const rows: Row[] = []
  const comparisons: Comparison[] = []
  try {
    for (const bout of bouts) {
      const result = await hold(bout, rounds)
      console.log(bulletin(result.rows, result.comparisons))
      rows.push(...result.rows)
      comparisons.push(...result.comparisons)
    }
  } finally {
    data.remove()
  }
  const lines = linesOf({ rows, comparisons })
  const results: Results = { schema: SCHEMA_VERSION, environment: environment(), lines, rows, comparisons }
  const breaches = resultsComplaints(results)
  if (breaches.length > 0) throw new Error(`the results break their own schema: ${breaches.join('; ')}`)
  const isFull = !args.quick && !args.groups && !args.only && !args.backends
  const gpu = gpuBackendOf(chosenGroups())
  const nothing = gpu && nothingMeasured(gpu, rows)
  if (nothing) {
    console.error(nothing)
    process.exitCode = 1
    if (!args.out) return
  }
  // of a GPU, sizes that are worth keeping
  const isKept = gpu && !args.quick && !args.only
  const own = isFull ? resultsFile('') : isKept ? gpuResultsFile(gpu, rows) : undefined
  const file = args.out ?? own ?? path.join('build', 'bench', 'results.json')
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
  console.log('')
  for (const line of lines) {
    if (line.status !== 'not measured' || isFull) {
      console.log(`${line.status.padEnd(12)} ${line.what}: ${line.measured} (goal ${line.target})`)
    }
  }
  console.log(`Results: ${file}`)
  if (isFull || (own && !args.out)) await writePage(results, file)
}

if (args.help) console.log(USAGE)
else if (args.render) {
  if (!existsSync(args.render)) throw new Error(`there is no file ${args.render}`)
  await writePage(JSON.parse(readFileSync(args.render, 'utf8')) as Results, args.render)
} else await measure()
