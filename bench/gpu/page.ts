import { WORKGROUP } from '../../ts/backends/webgpu/pipelines.js'
import { bulk, duration, machine, table } from '../report.js'
import { type Row, rowName } from '../schema.js'
import { exchangeTable } from './exchange.js'
import type { Sourced } from './files.js'
import { isReal, measuredHead, measuredTable, time } from './measured.js'
import { GPU_GROUP, RACE_GROUP, TILE_GROUP } from './plan.js'
import {
  DISPATCH_SECONDS,
  type DispatchWork,
  kernelWorks,
  LARGE_ROOM,
  muIteration,
  NAMED_GPUS,
  type NamedGpu,
  predict,
  predictIteration,
} from './predictions.js'
import { tileSection } from './tile-section.js'

/** rows, rank, columns, β */
const ITERATIONS: readonly (readonly [number, number, number, number])[] = [
  [2000, 32, 1000, 2],
  [8192, 64, 8192, 2],
  [2000, 32, 1000, 1],
  [8192, 64, 8192, 1],
  [8192, 64, 8192, 0],
]

/** Of the losses above. */
const LOSS_NAMES: Readonly<Record<number, string>> = { 2: 'Frobenius', 1: 'Kullback–Leibler', 0: 'Itakura–Saito' }

/** Ranks at which one dispatch is held against two. */
const RANKS = [10, 16, 20, 32, 48, 64, 96, 128]

const predicted = (work: { flops: number; bytes: number }, gpu: NamedGpu) => {
  const { seconds, bound } = predict(work, gpu)
  return `${duration(seconds)} ${bound === 'memory' ? 'M' : 'A'}`
}

function gpuTable(): string[] {
  const cells = ({ name, teraflops, bandwidth, source }: NamedGpu) => [
    name,
    String(teraflops),
    String(bandwidth),
    ((1000 * teraflops) / bandwidth).toFixed(0),
    source,
  ]
  return table(['GPU', 'TFLOP/s, f32', 'GB/s', 'flops a byte', 'source'], NAMED_GPUS.map(cells))
}

function kernelTable(): string[] {
  const rows = kernelWorks().map(({ problem, flops, bytes }) => [
    `\`${problem}\``,
    bulk(flops),
    bulk(bytes),
    (flops / bytes).toFixed(2),
    ...NAMED_GPUS.map(gpu => predicted({ flops, bytes }, gpu)),
  ])
  return table(['kernel and size', 'flops', 'bytes', 'flops a byte', ...NAMED_GPUS.map(({ name }) => name)], rows)
}

function iterationTable(dispatches: readonly DispatchWork[]): string[] {
  const rows = dispatches.map(work => [
    `\`${work.kernel}\``,
    bulk(work.threads),
    bulk(work.flops),
    bulk(work.bytes),
    ...NAMED_GPUS.map(gpu => predicted(work, gpu)),
  ])
  const sum = (pick: (work: DispatchWork) => number) => bulk(dispatches.reduce((total, work) => total + pick(work), 0))
  const total = NAMED_GPUS.map(gpu => duration(predictIteration(dispatches, gpu)))
  const last = ['**all, with overhead**', '', sum(({ flops }) => flops), sum(({ bytes }) => bytes), ...total]
  return table(['dispatch', 'threads', 'flops', 'bytes', ...NAMED_GPUS.map(({ name }) => name)], [...rows, last])
}

/** What an iteration comes to where products are formed beside the model's terms, and where these are written first. */
async function fusionTable(beta: number): Promise<string[]> {
  const rows = await Promise.all(
    RANKS.map(async rank => {
      const [apart, fused] = await Promise.all(
        [0, 4 * WORKGROUP].map(fusedRank =>
          muIteration(8192, rank, 8192, { beta, room: { ...LARGE_ROOM, fusedRank } }),
        ),
      )
      const sum = (dispatches: readonly DispatchWork[], what: 'flops' | 'bytes') =>
        dispatches.reduce((total, work) => total + work[what], 0)
      const times = NAMED_GPUS.map(gpu => {
        const [long, short] = [apart, fused].map(dispatches => predictIteration(dispatches, gpu))
        return `${duration(long)} → ${duration(short)}`
      })
      const bytes = `${bulk(sum(apart, 'bytes'))} → ${bulk(sum(fused, 'bytes'))}`
      return [String(rank), `${apart.length} → ${fused.length}`, bulk(sum(fused, 'flops')), bytes, ...times]
    }),
  )
  return table(['rank', 'dispatches', 'flops', 'bytes', ...NAMED_GPUS.map(({ name }) => name)], rows)
}

const isRace = ({ group }: Pick<Row, 'group'>) => group === RACE_GROUP

function race({ results, source }: Sourced): string[] {
  const rows = results.rows.filter(isRace)
  const head = [`From [${source}](../${source}):`, '', ...machine(results.environment), '']
  const problems = [...new Set(rows.map(({ problem }) => problem))]
  const parts = problems.flatMap(problem => {
    const own = rows.filter(row => row.problem === problem)
    const first = own[0]
    const said = results.comparisons.filter(one => one.problem === problem && rowName(first) === one.row)
    const cells = (row: Row) => {
      if (row.status !== 'measured') return [rowName(row), `${row.status}: ${row.reason}`, '', '']
      const chance = said.find(({ against }) => against === rowName(row))?.differs === false ? ', or by chance' : ''
      const factor = first.median ? `${(row.median! / first.median).toFixed(1)}×${chance}` : ''
      return [rowName(row), time(row), factor, row.loss === null ? '' : row.loss.toPrecision(8)]
    }
    return [
      `\`${problem}\`, seconds of one iteration:`,
      '',
      ...table(['who', 'median ± MAD', 'times as long', 'loss at the end'], own.map(cells)),
      '',
    ]
  })
  return [...head, ...parts]
}

/** Groups whose figures of GPUs are shown. */
const SHOWN: readonly string[] = [GPU_GROUP, TILE_GROUP]

function measuredOn(sourced: Sourced): string[] {
  const { rows } = sourced.results
  const shown = rows.filter(row => row.status === 'measured' && !row.emulated && SHOWN.includes(row.group))
  return [...measuredHead(sourced), ...measuredTable(shown), '']
}

const HOW = [
  'With a GPU in the machine and its driver installed:',
  '',
  '```',
  'npm ci --ignore-scripts                  once; Dawn for Node is among the packages',
  'npm run bench -- --backends webgpu       ten minutes or so; writes bench/results/webgpu-*.json and this page',
  'npm run example                          then open the page bench/ below the address that it prints',
  '```',
  '',
  'Both measure the peaks of the device by probes of their own in the same rounds (multiply-adds in registers, copy, read, triad)',
  'and give each kernel and iteration its share of them. The page’s *Copy JSON* is the same form as the files in',
  '`bench/results`; a file there whose name begins with `webgpu-` is shown here.',
]

function measured(files: readonly Sourced[]): string[] {
  const real = files.filter(file => isReal('webgpu', file))
  const head = real.length > 0 ? [] : ['**Nobody has measured it on a GPU yet**, so there is no figure here. ', '']
  return ['## Measured on GPUs', '', ...head.map(line => line.trimEnd()), ...HOW, '', ...real.flatMap(measuredOn)]
}

const PROVEN = [
  '## What is proven here, and what is not',
  '',
  'Every run of the tests has all of WebGPU on SwiftShader, a Vulkan driver that computes on the CPU, in Node (through Dawn) and in headless',
  'Chromium. `emulated: true` says so in results. There is no GPU where that is done; now and then the tests in Node run on one.',
  '',
  'Proven by tests on that driver:',
  '',
  '- *Results.* Every kernel agrees with its float64 reference within the bounds of its spec, on every size there, with guard zones around',
  '  its arrays ([kernels.md](kernels.md)), and dense products in each of their tiles; whole fits follow the reference’s losses. Both in',
  '  Node and in the browser, but for the tiles. Kernels that use subgroups do so with those of the driver, of 4 threads, and without;',
  '  some also with the 8 of Mesa’s llvmpipe. What is planned otherwise for a GPU is tested with those plans.',
  '- *Economy.* 100 iterations of a dense multiplicative fit are 6 dispatches each and one before the first (on a GPU 8 and two, as the',
  '  parts of both Gram matrices are added up by themselves), in at most 5 submissions (on a GPU one for every 128 dispatches) with 2',
  '  read-backs, those of the losses and of the factors; nothing is allocated after the first iteration; the uploads are X, W and H, once.',
  '- *Robustness.* A lost device, no memory and refused commands become coded errors, and a fit goes on elsewhere from its last good factors.',
  '',
  'Proven on one GPU, an NVIDIA H100 with driver 580.159 under Linux, through Dawn for Node, in November 2026: the same results, by the',
  'conformance suite and the tests of WebGPU, with subgroups of 32 threads, and half precision with Dawn’s feature below. The first such',
  'run found two faults that no test on a software driver had shown, both mended: a stochastic step read parts of a sum from wrong places, and',
  'what long sums keep of their roundings was simplified away.',
  '',
  'Not proven:',
  '',
  '- *Speed on other GPUs.* Times on the software driver say nothing of it: barriers and workgroup memory are slow there and fast on GPUs,',
  '  caches and memory are those of the CPU, two threads stand for thousands.',
  '- *Every other driver.* Those of GPUs may fuse or reorder arithmetic, round division otherwise, or have faults of their own. A browser',
  '  on a GPU has not been tried.',
  '',
]

const DEVICES = [
  '## Devices of your own',
  '',
  'A program that draws, or computes with WebGPU beside this package, passes its device in:',
  '',
  '```js',
  "const adapter = await navigator.gpu.requestAdapter({ powerPreference: 'high-performance' })",
  'const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits',
  'const device = await adapter.requestDevice({',
  '  requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },',
  "  // for storage: 'f16', and for kernels whose threads hand values to each other",
  "  requiredFeatures: ['shader-f16', 'subgroups'].filter(name => adapter.features.has(name)),",
  '})',
  'const fit = await factorize(X, { rank: 20, webgpu: { device } })',
  '```',
  '',
  '- Without `requiredLimits` one binding spans 128 MiB: X is then cut into more panels, and W and H must each fit one.',
  '- The device is used and never destroyed. Our commands run in error scopes of their own: its uncaptured errors, and its scopes,',
  '  are as they were. `closeDevices()` gives back what is kept on it for the next fit: compiled kernels and three small buffers.',
  '- Where it is lost, a fit goes on with another backend, unless one was asked for by name; pass another device in for the next.',
  '- **In Node, keep the GPU object alive for as long as the process runs**, for example on `globalThis`: what `create([])` of the',
  '  package `webgpu` answers. Dawn looks for finished work through it, and a device does not hold on to it: once it is collected, the',
  '  process may abort. Nothing that a device offers leads back to it, so we cannot keep it for you. Our own is kept.',
  '- Dawn offers `shader-f16` on NVIDIA GPUs under Vulkan where its feature `vulkan_enable_f16_on_nvidia` is asked for: in Node',
  '  `NONNEG_WEBGPU_DAWN=vulkan_enable_f16_on_nvidia` does, set before WebGPU is first used. With it the tests of half precision passed on the H100.',
  '',
]

const STREAMING = [
  '## X larger than the GPU’s memory',
  '',
  'WebGPU does not say how much memory there is. `webgpu.memoryLimit` (or NONNEG_WEBGPU_MEMORY, or `--memory-limit` of `nonneg fit`) says',
  'how many bytes fits may take; without it, where the device turns out to be full, half of what was too much is tried, and `fit.explain()`',
  'says so. What has no room as a whole is shared out like this:',
  '',
  '1. Tiles of X, for which losses beside Frobenius and masks hold what each entry of W·H contributes, are made smaller than 64 MiB for as',
  '   long as one gives every thread of a large GPU 4 × 4 entries: 4 MiB. All of X stays.',
  '2. X is cut into panels of rows, up to 32 MiB each. As many as have room stay; the others take turns in two berths: while the device works',
  '   on the panel in the one, the next is written to the other. Tiles are as large as a panel. Coordinate descent of H under the other losses',
  '   goes along columns, so a dense X, and dense weights, are cut into panels of columns as well.',
  '3. Where the least panels have no room, 16 rows or 4 columns, `ERR_NONNEG_MEMORY` says what the fit would take and what there is.',
  '',
  'Results are those of a fit that holds X in the same panels, bit for bit. What an iteration sends, its loss included, of the panels that',
  'do not stay:',
  '',
  ...table(
    ['loss and X', 'sent in an iteration'],
    [
      [
        'Frobenius, dense',
        'X once: the rows of W move with their panel; with H fixed nothing after the first iteration',
      ],
      ['Frobenius, CSR', 'X by rows and by columns'],
      [
        'others, or masks: `mu`, `pg`',
        'X and dense weights for each round of either factor, and once more for the loss in batches and where fits extrapolate',
      ],
      [
        'others, or masks: `hals`, `bpp`',
        'X and dense weights by rows for W, by columns for H, and by rows for the loss',
      ],
    ],
  ),
  '',
  "`storage: 'f16'` halves that for a dense X. `plan(X, options)` and `fit.explain()` say how many panels there are, how many stay and",
  'how many bytes an iteration sends, and by how much that slows the fit at 4 GB a second. That rate is an assumption, on the low side:',
  'PCIe 3.0 × 16 carries about 12, and on a GPU that shares the memory of the processor it is a copy. `auto` chooses with it.',
  '',
]

const COUNTED = [
  '## Counted, and what follows',
  '',
  'Flops and bytes are those of the kernels’ specs in `ts/kernels`, each array counted once for each direction. A time is what the roofline',
  'allows: the flops at the peak or the bytes at the full bandwidth, whichever takes longer (**A**: arithmetic bounds it, **M**: memory).',
  '**They are predictions from data sheets, and lower bounds**: real kernels reach a part of either peak, and small ones wait for the',
  'start of their dispatch more than for anything else. Arrays that a cache holds move faster; what a cache serves twice counts once.',
  'Least squares (`bpp_…`) compute in pairs of f32, in which a flop of the spec takes twenty and more.',
  '',
]

const FUSION = [
  '### Losses beside Frobenius: what is between the model and the products',
  '',
  'Losses other than Frobenius want W·H entry by entry. It is never written: a thread forms 4 × 4 of its entries in registers and turns them',
  'into what they contribute. `beta_tile` writes that, an array of the size of X or two, and `xht_dense` and `xtw_dense` multiply it;',
  '`beta_xht_dense` keeps 4 KiB of it in the memory of a workgroup, or 8, multiplies it at once, and writes nothing of the size of X. Either way',
  'the pass that tells the loss of an iteration leaves what W’s next update takes, so that an iteration forms W·H twice and reads X twice.',
  '',
  'Both do the same flops, so that by the roofline one dispatch is never the slower of the two. What that does not count is read from caches:',
  'the rows of the other factor, rank² / 256 bytes for each entry of X in `beta_xht_dense`, as its workgroups own 1024 / rank rows. It reads',
  'them in blocks of 4 · rank² bytes, each twice, for the model and for the product: 16 KiB at rank 64, which may stay in the cache nearest',
  `to it, 64 KiB at rank 128, which hardly do. So it is used up to rank ${LARGE_ROOM.fusedRank}, and not on drivers that compute on the CPU,`,
  'which take seconds to compile its barriers. One iteration of 8192×8192, without it → with it; Kullback–Leibler:',
  '',
]

const SUBGROUPS = [
  '### Subgroups',
  '',
  'Where the GPU has the feature `subgroups`, threads that share their work hand values to each other by it, as far as they find at run time',
  'that they are in one subgroup; `webgpu: { subgroups: false }` does without. Last bits of results differ with the size of subgroups, not from',
  'run to run. Kernels whose threads share no work have no such variant, as there is nothing to hand over, and `gram_bound` has none, as',
  'its iterates go through memory anyway. Counted in the texts of the kernels, for a workgroup of 64 threads, without subgroups and with',
  'those of so many threads; what that gains in time is not measured on any GPU.',
  '',
]

/** docs/webgpu.md, from the specs and from every file of results of WebGPU. */
export async function gpuPage(files: readonly Sourced[]): Promise<string> {
  const iterations = await Promise.all(
    ITERATIONS.map(async ([rows, rank, columns, beta]) => {
      const dispatches = await muIteration(rows, rank, columns, { beta })
      return [
        `### One multiplicative iteration, ${LOSS_NAMES[beta]}, ${rows}×${columns}, rank ${rank}`,
        '',
        ...iterationTable(dispatches),
        '',
      ]
    }),
  )
  const races = files.filter(({ results }) => results.rows.some(row => isRace(row) && row.emulated))
  return `${[
    '# WebGPU',
    '',
    'Made from the specs in `ts/kernels`, the dispatches that a fit would record, and the results in `bench/results`;',
    '`test/bench/webgpu-page.test.ts` compares it with them and rewrites it when `NONNEG_WRITE_DOCS=1` is set.',
    '',
    ...PROVEN,
    ...measured(files),
    ...DEVICES,
    ...STREAMING,
    ...COUNTED,
    ...gpuTable(),
    '',
    '### Kernels',
    '',
    ...kernelTable(),
    '',
    ...SUBGROUPS,
    ...exchangeTable(),
    '',
    ...iterations.flat(),
    `Dispatches wait for each other, as each reads what the one before it wrote. ${duration(DISPATCH_SECONDS)} for each is an assumption, not a`,
    'figure of these GPUs. An iteration has the loss in it; sums are cut into parts (`threads`) until a large GPU is busy.',
    '',
    ...FUSION,
    ...(await fusionTable(1)),
    '',
    'Itakura–Saito, and with it every loss whose model pushes back entry by entry:',
    '',
    ...(await fusionTable(0)),
    '',
    ...tileSection(),
    '## Software drivers: the same update, written in three ways',
    '',
    'nonneg’s fit; the update in naive WGSL with one thread for each entry of a product (`bench/gpu/naive.ts`); and the update in operations of',
    '`@tensorflow/tfjs-backend-webgpu`, its products by the flags of `matMul` without copies (`bench/peers/tfjs-webgpu.mjs`). All run in Node on drivers',
    'that compute on the CPU, SwiftShader and Mesa’s llvmpipe. They take turns in one run, start from the same factors and do the same number of',
    'iterations; only nonneg’s has the loss of each iteration in its time. Equal losses at the end show equal work.',
    '',
    '**These are times of emulation**, on a machine that others used too; on a GPU the factors, and the order, may differ. SwiftShader is slow at',
    'barriers, at which tfjs’ products wait for workgroup memory; llvmpipe is less so, and GPUs are fast there. What carries over is',
    'counted above: one thread owns 4 × 4 entries in registers, so that a value that it loads serves four multiply-adds, where a naive',
    'thread loads two values for each.',
    '',
    ...races.flatMap(race),
  ]
    .join('\n')
    .trimEnd()}\n`
}
