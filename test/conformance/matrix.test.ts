import { readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { BACKEND_IDS } from '../../ts/backends/registry.js'
import { probeBackend } from '../../ts/engine/probe.js'
import { kernels } from '../../ts/kernels/index.js'
import type { Dims, KernelSpec } from '../../ts/kernels/spec.js'
import { deviceOf, required } from './backends.js'
import { RELAXATIONS } from './compare.js'

const FILE = new URL('../../docs/kernels.md', import.meta.url)

const largest = ({ problems }: KernelSpec): Dims => ({ nonzeros: 0, ...problems.at(-1)! })

/** kernel → backend → `yes`, or the reason of the refusal. */
async function supportMatrix(ids: readonly (typeof BACKEND_IDS)[number][]): Promise<Map<string, Map<string, string>>> {
  const matrix = new Map<string, Map<string, string>>()
  for (const spec of kernels) {
    const row = new Map<string, string>()
    for (const id of ids) {
      const support = (await deviceOf(id)).supportsKernel(spec, largest(spec))
      row.set(id, support.supported ? 'yes' : support.reason)
    }
    matrix.set(spec.name, row)
  }
  return matrix
}

function tolerance({ tolerance: chosen, problems }: KernelSpec): string {
  const dims = largest({ problems } as KernelSpec)
  return chosen.class === 'elementwise' ? `elementwise (${chosen.ulps(dims)} ULP at the largest problem)` : 'reduction'
}

function document(matrix: Map<string, Map<string, string>>): string {
  const lines = [
    '# Kernels',
    '',
    'Made from the specs in `ts/kernels` and from what the devices answer; `test/conformance/matrix.test.ts` compares it with',
    'both and rewrites it when `NONNEG_WRITE_DOCS=1` is set. Every *yes* is tested on the sizes of the spec.',
    '',
    `| kernel | ${BACKEND_IDS.join(' | ')} |`,
    `| --- |${' --- |'.repeat(BACKEND_IDS.length)}`,
    ...[...matrix].map(([name, row]) => `| \`${name}\` | ${BACKEND_IDS.map(id => row.get(id)).join(' | ')} |`),
    '',
  ]
  for (const spec of kernels) {
    lines.push(`## ${spec.name}`, '', `${spec.summary[0].toUpperCase()}${spec.summary.slice(1)}.`, '')
    lines.push('```', spec.formula, '```', '', `Source: ${spec.source}.`, '')
    lines.push('| buffer | type | access | shape |', '| --- | --- | --- | --- |')
    lines.push(...spec.buffers.map(({ name, type, access, shape }) => `| ${name} | ${type} | ${access} | ${shape} |`))
    lines.push('', `Integer fills bitwise: ${spec.exact ? 'yes' : 'no, it divides'}. Random fills: ${tolerance(spec)}.`)
    for (const { backend, extraUlps, reason } of RELAXATIONS.filter(row => row.kernel === spec.name)) {
      lines.push('', `On ${backend} ${extraUlps} ULP more: ${reason}.`)
    }
    lines.push('')
  }
  return lines.join('\n')
}

describe('docs/kernels.md', () => {
  it('is what the specs and the devices say', async context => {
    const reports = await Promise.all(BACKEND_IDS.map(probeBackend))
    const absent = reports.filter(report => !report.available).map(report => report.id)
    if (absent.some(id => required.includes(id))) throw new Error(`required and absent: ${absent.join(', ')}`)
    if (absent.length > 0) return context.skip(`absent: ${absent.join(', ')}`)
    const wanted = document(await supportMatrix(BACKEND_IDS))
    if (process.env.NONNEG_WRITE_DOCS) writeFileSync(FILE, wanted)
    expect(readFileSync(FILE, 'utf8')).toBe(wanted)
  })
})
