import os from 'node:os'
import { Command } from 'commander'
import type { SettingProblem } from '../core/setting-problems.js'
import type { BackendReport } from '../engine/probe.js'
import { packageVersion } from './package.js'
import { paint, wrap } from './text.js'

/** What `nonneg doctor --json` prints. */
interface Diagnosis {
  readonly version: string
  readonly node: string
  readonly platform: string
  readonly arch: string
  readonly threads: number
  readonly backends: readonly BackendReport[]
  /** Environment variables that say something of every backend, and whose values are not understood. */
  readonly problems: readonly SettingProblem[]
}

const ID_WIDTH = 11
const STATE_WIDTH = 10
const INDENT: string = ' '.repeat(ID_WIDTH + STATE_WIDTH)

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('which backends this machine offers, why not the others, and how to get them')
    .option('--json', 'print one JSON object and nothing else')
    .addHelpText(
      'after',
      `
Examples:
  $ nonneg doctor
  $ nonneg doctor --json | jq '.backends[] | select(.available) | .id'`,
    )
    .action(doctor)
}

async function doctor({ json = false }: { json?: boolean }): Promise<void> {
  const { probeBackends } = await import('../node.js')
  const { commonProblems } = await import('../engine/ranking.js')
  const diagnosis: Diagnosis = {
    version: packageVersion(),
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    threads: os.availableParallelism(),
    backends: await probeBackends(),
    problems: commonProblems(),
  }
  process.stdout.write(json ? `${JSON.stringify(diagnosis)}\n` : describe(diagnosis))
}

function describe({ version, node, platform, arch, threads, backends, problems }: Diagnosis): string {
  const head = `nonneg ${version}, Node ${node}, ${platform} ${arch}, ${threads} thread${threads === 1 ? '' : 's'}`
  const lines = complaints(problems).flatMap(text => wrap(text, widthBeside('')))
  const foot = lines.length === 0 ? '' : `\n${lines.join('\n')}\n`
  return `${head}\n\n${backends.map(row).join('')}${foot}`
}

/** Characters of a line that begins with this. */
function widthBeside(start: string): number {
  return Math.max(40, (process.stdout.columns ?? 120) - start.length)
}

function complaints(problems: readonly SettingProblem[]): string[] {
  return problems.flatMap(({ reason, fix }) => [`problem: ${reason}`, ...(fix ? [`fix: ${fix}`] : [])])
}

function stateOf({
  available,
  emulated,
  problems,
}: BackendReport): readonly [string, 'dim' | 'red' | 'yellow' | 'green'] {
  if (!available) return ['absent', 'dim']
  if (problems.length > 0) return ['problem', 'red']
  return emulated ? ['emulated', 'yellow'] : ['ready', 'green']
}

function row(backend: BackendReport): string {
  const { id, available, reason, fix, info, problems } = backend
  const [state, style] = stateOf(backend)
  const found = available ? [facts(info)] : [reason ?? '', ...(fix ? [`fix: ${fix}`] : [])]
  const [first, ...others] = [...found, ...complaints(problems)].flatMap(text => wrap(text, widthBeside(INDENT)))
  const start =
    paint('bold', id.padEnd(ID_WIDTH), process.stdout) + paint(style, state.padEnd(STATE_WIDTH), process.stdout)
  return `${[start + first, ...others.map(line => INDENT + line)].map(line => line.trimEnd()).join('\n')}\n`
}

function facts(info: BackendReport['info']): string {
  return Object.entries(info)
    .map(([name, value]) => {
      if (typeof value === 'boolean') return value ? name : `no ${name}`
      return `${name} ${Array.isArray(value) ? value.join(' ') : value}`
    })
    .join(', ')
}
