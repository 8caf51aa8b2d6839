import { BINDINGS, exchanges, type KernelName, WORKGROUP } from '../../ts/backends/webgpu/pipelines.js'
import { type ShaderName, shaders } from '../../ts/generated/shaders.js'
import { table } from '../report.js'

/** What the threads of a workgroup wait for where they hand values to each other, counted in the texts of the kernels. */

/** Threads of a subgroup, as GPUs have them. */
const SIZES = [4, 8, 16, 32, 64]
const RANK = 32

/** Barriers in a text: a load that all threads share stands between two. */
function barriersIn(stem: ShaderName): number {
  const count = (pattern: RegExp) => shaders[stem].match(pattern)?.length ?? 0
  return count(/\b(workgroup|storage)Barrier\(/g) + 2 * count(/\bworkgroupUniformLoad\(/g)
}

/** Barriers of one sweep of coordinate descent; `near`: whether a row's threads hand all values to each other. */
function sweepBarriers(rank: number, variant: 'without' | 'apart' | 'near'): number {
  const once = barriersIn('cd_dense') + (variant === 'without' ? 0 : barriersIn('subgroups'))
  return once + (variant === 'near' ? 0 : rank * barriersIn('descent'))
}

/** Values that one thread joins, one after the other, until it has those of a workgroup: first those of the threads near it. */
function joins(size: number): number {
  return Math.log2(size) + WORKGROUP / size - 1
}

/** Fours of values that a thread of a row adds for a component where rows are few, and sums of others that it joins. */
function rowSteps(size: number): number {
  const fours = RANK / 4
  const lanes = Math.min(size, fours)
  return fours / lanes + Math.log2(lanes)
}

const kernelNames = Object.keys(BINDINGS) as KernelName[]
/** What the threads of a kernel share: a row whose model they keep, one whose entries they have, or a sum. */
const sharing = (name: KernelName) =>
  (BINDINGS[name].prelude ?? []).includes('descent') ? 'model' : name === 'hals_update' ? 'entries' : 'sum'

/** What a kernel's variant for subgroups saves, in a sentence; undefined where there is none. */
export function variantOf(name: string): string | undefined {
  if (!exchanges(name)) return undefined
  const shared = sharing(name as KernelName)
  if (shared === 'entries') {
    return 'n threads share a row, where rows are few: rank/4n + log2 n additions for a component one after the other, not rank/4'
  }
  if (shared === 'model') {
    const [one, two] = [sweepBarriers(1, 'without'), sweepBarriers(2, 'without')]
    const before = `${one - (two - one)} barrier and ${two - one} for each component that moves`
    return `a sweep has ${sweepBarriers(1, 'near')} barriers where a subgroup holds a row, instead of ${before}`
  }
  const after = `log2 n + ${WORKGROUP}/n − 1 values of a workgroup one after the other for subgroups of n threads`
  return `one thread joins ${after}, instead of ${joins(1)}; there is ${barriersIn('reduce')} barrier either way`
}

/** The same in figures, for docs/webgpu.md. */
export function exchangeTable(): string[] {
  const names = (shared: string) =>
    kernelNames
      .filter(name => exchanges(name) && sharing(name) === shared)
      .map(name => `\`${name}\``)
      .join(', ')
  const whole = (size: number) => (size === WORKGROUP ? 'near' : 'apart')
  const rows = [
    [
      `barriers of a sweep, rank ${RANK}, a row in one subgroup`,
      sweepBarriers(RANK, 'without'),
      ...SIZES.map(() => sweepBarriers(RANK, 'near')),
    ],
    [
      'the same, a row in a whole workgroup',
      sweepBarriers(RANK, 'without'),
      ...SIZES.map(size => sweepBarriers(RANK, whole(size))),
    ],
    ['values that a thread of such a row joins for a component', joins(1), ...SIZES.map(joins)],
    [`additions for a component one after the other, rank ${RANK}, of few rows`, rowSteps(1), ...SIZES.map(rowSteps)],
    ['barriers of a sum', barriersIn('reduce'), ...SIZES.map(() => barriersIn('reduce'))],
    ['values that one thread joins for it', joins(1), ...SIZES.map(joins)],
  ]
  return [
    `The first three rows are of ${names('model')}, the fourth of ${names('entries')}, the last two of ${names('sum')}.`,
    '',
    ...table(
      ['in a workgroup', 'without', ...SIZES.map(size => `of ${size}`)],
      rows.map(row => row.map(String)),
    ),
  ]
}
