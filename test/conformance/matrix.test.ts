import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { variantOf } from '../../bench/gpu/exchange.js'
import type { Rule } from '../../ts/backends/backend.js'
import { BACKEND_IDS } from '../../ts/backends/registry.js'
import { probeBackend } from '../../ts/engine/probe.js'
import { familyOf } from '../../ts/kernels/beta.js'
import { kernels } from '../../ts/kernels/index.js'
import type { Dims, KernelSpec } from '../../ts/kernels/spec.js'
import { deviceOf, required } from './backends.js'
import { RELAXATIONS } from './compare.js'
import { fitCase, problemOf, RULES, type WeightKind } from './grid.js'

const FILE = new URL('../../docs/kernels.md', import.meta.url)
const DTYPES = ['f32', 'f64'] as const
const HEAD = ` ${BACKEND_IDS.join(' | ')} |`
const UNDERLINE = ' --- |'.repeat(BACKEND_IDS.length)

/** Losses that backends tell apart: each of the others is as the last. */
const LOSSES: readonly (readonly [string, number])[] = [
  ['2', 2],
  ['1', 1],
  ['0', 0],
  ['any', 1.5],
]

const largest = ({ problems }: KernelSpec): Dims => ({ nonzeros: 0, ...problems.at(-1)! })

/** A line per kernel: the element types that each backend has it for. */
async function kernelTable(): Promise<string[]> {
  const lines = [`| kernel |${HEAD}`, `| --- |${UNDERLINE}`]
  for (const spec of kernels) {
    const cells = []
    for (const id of BACKEND_IDS) {
      const device = await deviceOf(id)
      const granted = DTYPES.filter(dtype => device.supportsKernel(spec, largest(spec), dtype).supported)
      cells.push(granted.join(', ') || '–')
    }
    lines.push(`| \`${spec.name}\` | ${cells.join(' | ')} |`)
  }
  return lines
}

/** A line per way to store X, loss and weights: the rules that each backend has for each element type. */
async function fitTable(): Promise<string[]> {
  const lines = [`| X | weights | β | family |${HEAD}`, `| --- | --- | --- | --- |${UNDERLINE}`]
  const weightings: readonly WeightKind[] = ['none', 'dense', 'entries', 'holdout']
  for (const X of ['dense', 'csr'] as const) {
    for (const weights of weightings.filter(kind => X === 'csr' || kind !== 'entries')) {
      for (const [name, beta] of LOSSES) {
        const shape = { X, weights, beta, rows: 6, columns: 5, rank: 2 } as const
        const { problem } = await problemOf(fitCase({ ...shape, rule: 'mu' }))
        const cells = []
        for (const id of BACKEND_IDS) {
          const device = await deviceOf(id)
          const granted = DTYPES.flatMap(dtype => {
            const supported = (rule: Rule) =>
              device.supports(problem.X, fitCase({ ...shape, rule, dtype }).spec, problem.weights).supported
            const rules = RULES.filter(supported)
            return rules.length > 0 ? [`${dtype}: ${rules.join(', ')}`] : []
          })
          cells.push(granted.join('<br>') || '–')
        }
        lines.push(`| ${[X, weights, name, familyOf(problem.X, beta, problem.weights), ...cells].join(' | ')} |`)
      }
    }
  }
  return lines
}

function tolerance(spec: KernelSpec): string {
  const { tolerance: chosen } = spec
  const dims = largest(spec)
  if (chosen.class === 'elementwise') return `elementwise (${chosen.ulps(dims)} ULP at the largest problem)`
  if (chosen.class === 'reduction') return 'reduction'
  return `normwise (${Math.round(chosen.units(dims))} units of rounding at the largest problem)`
}

function describeKernel(spec: KernelSpec): string[] {
  const lines = [`## ${spec.name}`, '', `${spec.summary[0].toUpperCase()}${spec.summary.slice(1)}.`, '']
  lines.push('```', spec.formula, '```', '', `Source: ${spec.source}.`, '')
  lines.push('| buffer | type | access | shape |', '| --- | --- | --- | --- |')
  lines.push(...spec.buffers.map(({ name, type, access, shape }) => `| ${name} | ${type} | ${access} | ${shape} |`))
  const exact = spec.exact ? 'yes' : 'no, it divides or takes powers'
  lines.push('', `Integer fills bitwise: ${exact}. Random fills: ${tolerance(spec)}.`)
  const variant = variantOf(spec.name)
  if (variant) lines.push('', `On webgpu with subgroups ${variant}.`)
  for (const { backend, extraUlps, narrow, reason } of RELAXATIONS.filter(row => row.kernel === spec.name)) {
    lines.push('', `On ${backend} ${narrow ? 'ULP are those of f32' : `${extraUlps} ULP more`}: ${reason}.`)
  }
  return [...lines, '']
}

async function document(): Promise<string> {
  return [
    '# Kernels',
    '',
    'Made from the specs in `ts/kernels` and from what the devices answer; `test/conformance/matrix.test.ts` compares it with',
    'both and rewrites it when `NONNEG_WRITE_DOCS=1` is set. What a table grants is tested: kernels on the sizes of their',
    'specs, fits on the grid of `test/conformance/grid.ts`, native on every instruction set that the machine has.',
    '',
    'Element types that each backend has a kernel for. Where it has none, `supportsKernel` says why.',
    '',
    ...(await kernelTable()),
    '',
    'Rules that fits may use, by element type; `supports` says why not. The family says how products with X are formed: see',
    '`familyOf` in `ts/kernels/beta.ts`.',
    '',
    ...(await fitTable()),
    '',
    ...kernels.flatMap(describeKernel),
  ].join('\n')
}

describe('docs/kernels.md', () => {
  it('is what the specs and the devices say', async context => {
    const reports = await Promise.all(BACKEND_IDS.map(probeBackend))
    const absent = reports.filter(report => !report.available).map(report => report.id)
    if (absent.some(id => required.includes(id))) throw new Error(`required and absent: ${absent.join(', ')}`)
    if (absent.length > 0) return context.skip(`absent: ${absent.join(', ')}`)
    const wanted = await document()
    if (process.env.NONNEG_WRITE_DOCS) writeFileSync(FILE, wanted)
    expect(readFileSync(FILE, 'utf8')).toBe(wanted)
  })
})
