import type { Sourced } from '../gpu/files.js'
import { isReal, measuredHead, measuredTable, shareOfPeak, time } from '../gpu/measured.js'
import { table } from '../report.js'
import { type Comparison, type Results, type Row, rowName } from '../schema.js'
import { CUDA_GROUP } from './plan.js'

const PROVEN = [
  '## What is proven, and where',
  '',
  'On the CPU, in every run of the tests: the kernels’ `.cu` files, compiled as C++, run on an emulator with one fiber for each thread behind a',
  'driver library of our own, so that the whole way from JavaScript to the kernel runs. It poisons shared memory, checks bounds and finds barriers',
  'that not all threads reach. `emulated: true` says so in results.',
  '',
  '- *Results.* Every kernel agrees with its float64 reference within the bounds of its spec ([kernels.md](kernels.md)), whole fits follow the',
  '  reference’s losses, and two runs have the same bits.',
  '- *Robustness.* No driver, no device, no memory and refused launches become coded errors; fits can be aborted.',
  '',
  'On one GPU, an NVIDIA H100 with driver 580.159 under Linux, in November 2026: the same results, by the conformance suite and the tests of',
  'CUDA that need no emulator.',
  '',
]

/** What the page says of real GPUs beyond their figures. */
const AGREEMENT = [
  'Losses at the end of as many iterations from the same start are shown beside the times: where those of nonneg and of libraries that',
  'others wrote agree, they did the same work, on that GPU.',
  '',
]

const HOW = [
  'With an NVIDIA GPU, its driver, and nvcc, by which a build of the sources compiles the kernels:',
  '',
  '```',
  'npm run build                         once, with the native addon; npx nonneg doctor says whether the GPU is found',
  'npm run bench -- --backends cuda      three minutes or so; writes bench/results/cuda-*.json and this page',
  '```',
  '',
  'WebGPU on the same GPU, PyTorch and CuPy take turns with it where they are installed (`NONNEG_BENCH_PYTHON` names their Python); what is not',
  'there is a row that says so. The peaks are measured in the same rounds. How, and what each of them does:',
  '[bench/METHOD.md](../bench/METHOD.md).',
  '',
]

/** How many times as long `other` takes; in parentheses where that may be chance. */
function ratioTo({ comparisons }: Results, first: Row, other: Row | undefined): string {
  if (other?.status !== 'measured') return other?.status ?? ''
  const found = comparisons.find((one: Comparison) => {
    return one.problem === first.problem && one.row === rowName(first) && one.against === rowName(other)
  })
  if (!found) return ''
  return found.differs ? `${found.ratio.toFixed(2)}×` : `(${found.ratio.toFixed(2)}×)`
}

const PEERS: readonly { readonly head: string; readonly is: (row: Row) => boolean }[] = [
  { head: 'WebGPU', is: ({ backend }) => backend === 'webgpu' },
  { head: 'PyTorch', is: ({ backend, variant }) => backend === 'torch' && !variant.endsWith('CUDA graph') },
  { head: 'PyTorch, CUDA graph', is: ({ backend, variant }) => backend === 'torch' && variant.endsWith('CUDA graph') },
  { head: 'CuPy', is: ({ backend }) => backend === 'cupy' },
]

/** One line a problem: what CUDA does, and how many times as long the others take. */
function summary(results: Results, rows: readonly Row[]): string[] {
  const lines = rows
    .filter(({ backend }) => backend === 'cuda')
    .map(row => {
      const beside = rows.filter(({ problem }) => problem === row.problem)
      if (row.status !== 'measured') return [`\`${row.problem}\``, `${row.status}: ${row.reason}`]
      const own = [time(row), row.gflops?.toFixed(0) ?? '', row.gbs?.toFixed(0) ?? '', shareOfPeak(row)]
      return [`\`${row.problem}\``, ...own, ...PEERS.map(({ is }) => ratioTo(results, row, beside.find(is)))]
    })
  const head = ['problem', 'nonneg on CUDA, median ± MAD', 'GFLOP/s', 'GB/s', 'of the peak']
  const width = head.length + PEERS.length
  const filled = lines.map(cells => [...cells, ...Array<string>(width - cells.length).fill('')])
  return table([...head, ...PEERS.map(peer => peer.head)], filled)
}

/** Where fits ended: equal losses show equal work. */
function losses(rows: readonly Row[]): string[] {
  const problems = [...new Set(rows.map(({ problem }) => problem))]
  const cells = (problem: string) =>
    [({ backend }: Row) => backend === 'cuda', ...PEERS.map(({ is }) => is)].map(is => {
      const row = rows.find(one => one.problem === problem && is(one))
      return row?.loss == null ? '' : row.loss.toPrecision(7)
    })
  const head = ['loss at the end', 'CUDA', ...PEERS.map(peer => peer.head)]
  return table(
    head,
    problems.map(problem => [`\`${problem}\``, ...cells(problem)]),
  )
}

/** Those that did not run, once each. */
function missing(rows: readonly Row[]): string[] {
  const told = rows.flatMap(row =>
    row.status === 'measured' ? [] : [`- ${rowName(row)}: ${row.status}, ${row.reason}`],
  )
  return told.length > 0 ? [...new Set(told), ''] : []
}

function measuredOn(sourced: Sourced): string[] {
  const { results } = sourced
  const rows = results.rows.filter(row => row.group === CUDA_GROUP && !row.emulated)
  const facts = results.environment.backends.find(({ id }) => id === 'cuda')?.facts
  return [
    ...measuredHead(sourced),
    ...(facts ? [`The driver says: ${facts}.`, ''] : []),
    'One iteration; behind the figures of nonneg on CUDA, how many times as long the others take on the same GPU (in parentheses: by chance):',
    '',
    ...summary(results, rows),
    '',
    ...losses(rows),
    '',
    ...missing(rows),
    'Every row, the peaks among them:',
    '',
    ...measuredTable(rows.filter(({ status }) => status === 'measured')),
    '',
  ]
}

/** docs/cuda.md, from every file of results of CUDA. */
export function cudaPage(files: readonly Sourced[]): string {
  const real = files.filter(file => isReal('cuda', file))
  const none = ['**No figures of a GPU are published yet**, so there are none here.', '']
  return `${[
    '# CUDA',
    '',
    'Made from the results in `bench/results`; `test/bench/cuda-page.test.ts` compares it with them and rewrites it when',
    '`NONNEG_WRITE_DOCS=1` is set.',
    '',
    ...PROVEN,
    '## Measured on GPUs',
    '',
    ...(real.length > 0 ? AGREEMENT : none),
    ...HOW,
    ...real.flatMap(measuredOn),
  ]
    .join('\n')
    .trimEnd()}\n`
}
