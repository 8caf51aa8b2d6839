import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { probeBackends } from 'nonneg'
import type { Environment } from './schema.js'

/** The caches of the first processor, as Linux lists them; empty elsewhere. */
function caches(): string[] {
  const folder = '/sys/devices/system/cpu/cpu0/cache'
  if (!existsSync(folder)) return []
  const read = (name: string, file: string) => readFileSync(path.join(folder, name, file), 'utf8').trim()
  return readdirSync(folder)
    .filter(name => /^index\d+$/.test(name))
    .map(name => `L${read(name, 'level')} ${read(name, 'type').toLowerCase()} ${read(name, 'size')}`)
}

function git(...args: string[]): string {
  const done = spawnSync('git', args, { encoding: 'utf8' })
  return done.status === 0 ? done.stdout.trim() : ''
}

/** NONNEG_BENCH_COMMIT names it where the tree was copied without its repository. */
function commit(): string {
  const hash = git('rev-parse', '--short=12', 'HEAD')
  if (hash === '') return process.env.NONNEG_BENCH_COMMIT || 'no repository'
  return git('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash}+`
}

/** Processor time since the start of the machine and the part that other guests had of it, in ticks. */
export function processorTime(): { all: number; stolen: number } | null {
  if (!existsSync('/proc/stat')) return null
  const ticks = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1).map(Number)
  return { all: ticks.reduce((sum, value) => sum + value, 0), stolen: ticks[7] ?? 0 }
}

/** `bench/results/intel-xeon-processor-2-cores.json`: one file for a kind of machine, whose history is git's. */
export function resultsFile(prefix: string): string {
  const cpu = `${os.cpus()[0].model} ${os.cpus().length} cores`.toLowerCase().replace(/\(.\)|\(tm\)/g, '')
  return path.join('bench', 'results', `${prefix}${cpu.replace(/[^a-z0-9]+/g, '-')}.json`)
}

/** Looks at the machine now; the answer completes the picture at the end of the run. */
export async function watchEnvironment(rounds: number): Promise<() => Environment> {
  const begun = performance.now()
  const date = new Date().toISOString()
  const loadBefore = os.loadavg()[0]
  const before = processorTime()
  const reports = await probeBackends()
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  return () => {
    const after = processorTime()
    const facts = ({ info, reason }: (typeof reports)[number]) =>
      reason ??
      (Object.entries(info)
        // of a driver library its name: where it lies is this machine's own affair
        .map(([name, value]) => `${name} ${name === 'library' ? path.basename(String(value)) : value}`)
        .join(', ') ||
        'present')
    return {
      date,
      seconds: Math.round((performance.now() - begun) / 1000),
      cpu: os.cpus()[0].model,
      cores: os.cpus().length,
      caches: caches(),
      memoryGiB: Math.round(os.totalmem() / 2 ** 30),
      platform: `${process.platform} ${process.arch} ${os.release()}`,
      node: process.versions.node,
      v8: process.versions.v8,
      nonneg: version,
      commit: commit(),
      loadBefore,
      loadAfter: os.loadavg()[0],
      stolen: before && after ? (after.stolen - before.stolen) / Math.max(1, after.all - before.all) : null,
      rounds,
      backends: reports.map(report => ({ id: report.id, available: report.available, facts: facts(report) })),
    }
  }
}
