import os from 'node:os'
import { Command } from 'commander'
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
  const diagnosis: Diagnosis = {
    version: packageVersion(),
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    threads: os.availableParallelism(),
    backends: await probeBackends(),
  }
  process.stdout.write(json ? `${JSON.stringify(diagnosis)}\n` : describe(diagnosis))
}

function describe({ version, node, platform, arch, threads, backends }: Diagnosis): string {
  const head = `nonneg ${version}, Node ${node}, ${platform} ${arch}, ${threads} thread${threads === 1 ? '' : 's'}`
  return `${head}\n\n${backends.map(row).join('')}`
}

function row(backend: BackendReport): string {
  const { id, available, emulated, reason, fix, info } = backend
  const [state, style] = !available
    ? (['absent', 'dim'] as const)
    : emulated
      ? (['emulated', 'yellow'] as const)
      : (['ready', 'green'] as const)
  const texts = available ? [facts(info)] : [reason ?? '', ...(fix ? [`fix: ${fix}`] : [])]
  const width = Math.max(40, (process.stdout.columns ?? 120) - INDENT.length)
  const [first, ...others] = texts.flatMap(text => wrap(text, width))
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
