import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { plantedDense } from '../nmf/rank/planted.js'
import { bundleCommand, type Launch, nonneg } from './command.js'

bundleCommand()

const folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-schedule-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => path.join(folder, name)
const run = (line: string, launch: Launch = {}) => nonneg(line.split(' '), { cwd: folder, ...launch })

const X = plantedDense({ rows: 40, columns: 24, rank: 3, seed: 1, grouped: true })
const csv = Array.from({ length: 40 }, (_, i) => `${X.data.subarray(i * 24, (i + 1) * 24).join(',')}\n`).join('')

beforeAll(() => {
  writeFileSync(at('X.csv'), csv)
  writeFileSync(at('negative.csv'), '1,2\n3,-0.5\n')
  writeFileSync(
    at('X.mtx'),
    '%%MatrixMarket matrix coordinate real general\n4 3 6\n1 1 2\n2 2 3\n3 3 1\n4 1 5\n2 3 1\n3 1 2\n',
  )
})

const short = '--rank 3 --epochs 6 --tuning-runs 2 --repeats 2 --batch-rows 8'

interface Course {
  readonly losses: readonly (number | null)[]
  readonly rates: readonly number[]
  readonly steps: number
  readonly ended: string
}

interface Asked {
  readonly contestants: readonly {
    readonly name: string
    readonly rate?: number
    readonly tuning: readonly { readonly rate: number; readonly course: Course }[]
    readonly runs: readonly Course[]
  }[]
  readonly standings: readonly { readonly name: string; readonly finalLoss: { readonly median: number | null } }[]
  readonly [fact: string]: unknown
}

async function asked(line: string): Promise<Asked> {
  const { code, stdout, stderr } = await run(`schedule ${line} --json`)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.trim().split('\n')).toHaveLength(1)
  return JSON.parse(stdout)
}

describe('what schedule prints', () => {
  test('the comparison as JSON: equal budgets, and runs of one seed that share their start', async () => {
    const found = await asked(`X.csv ${short} --schedulers constant,greedy,cosine --seed 5`)
    expect(found).toMatchObject({
      version: JSON.parse(readFileSync('package.json', 'utf8')).version,
      ...{ file: 'X.csv', rows: 40, columns: 24, rank: 3, sparse: false, backend: 'reference', emulated: false },
      ...{ batchRows: 8, noise: 0, safe: true, seeds: [6, 7], ended: 'done' },
      budget: { rates: [0.02, 0.95], tuningEpochs: 3, repeats: 2, epochs: 6, seed: 5 },
    })
    const { contestants, standings } = found
    expect(contestants.map(({ name }) => name)).toEqual(['constant', 'greedy', 'cosine', 'mu', 'online'])
    for (const { name, rate, tuning, runs } of contestants) {
      const isReference = name === 'mu' || name === 'online'
      expect(tuning.map(({ rate, course }) => [rate, course.steps, course.losses.length])).toEqual(
        isReference
          ? []
          : [
              [0.02, 15, 4],
              [0.95, 15, 4],
            ],
      )
      const steps = name === 'mu' ? 6 : 30
      expect(runs.map(run => [run.steps, run.losses.length, run.ended])).toEqual([
        [steps, 7, 'done'],
        [steps, 7, 'done'],
      ])
      expect(runs.map(({ rates }) => rates.length)).toEqual(isReference ? [0, 0] : [30, 30])
      if (isReference) continue
      const ends = tuning.map(({ course }) => course.losses.at(-1)!)
      expect(rate).toBe(tuning[ends[0] <= ends[1] ? 0 : 1].rate)
    }
    const starts = contestants.map(({ runs }) => runs.map(({ losses }) => losses[0]))
    for (const [first, second] of starts) {
      expect([first, second]).toEqual(starts[0])
      expect(first).not.toBe(second)
    }
    const [constant, greedy] = contestants.map(({ runs }) => runs[0].losses)
    expect(constant[6]).toBeLessThan(constant[0]! / 2)
    // no patience is used up in 30 steps of which each is better than the last window, or its rate is at the bound
    expect(greedy[1]).toBe(constant[1])
    const order = standings.map(({ finalLoss }) => finalLoss.median!)
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  test('the same losses for the same seed, others under noise, which all schedulers share', async () => {
    const line = `X.csv ${short} --schedulers constant,linear`
    const losses = ({ contestants }: Asked) => contestants.map(({ runs }) => runs.map(run => run.losses))
    const [first, again] = [await asked(line), await asked(line)]
    expect(losses(again)).toEqual(losses(first))
    // greedy has seen too little in an epoch to change its rate, so that only noise could tell it from constant
    const noisy = await asked(`X.csv ${short} --schedulers constant,greedy --tuning-runs 1 --epochs 1 --noise 0.5`)
    const [constant, greedy] = losses(noisy)
    expect(greedy).toEqual(constant)
    expect(constant[0]).not.toEqual(constant[1])
    const quiet = await asked(`X.csv ${short} --schedulers constant --tuning-runs 1 --epochs 1`)
    expect(losses(quiet)[0].map(run => run[0])).toEqual(constant.map(run => run[0]))
    expect(losses(quiet)[0].map(run => run[1])).not.toEqual(constant.map(run => run[1]))
  })

  test('runs that diverge without the bounds, as null', async () => {
    const found = await asked(`X.csv ${short} --schedulers constant --no-safe --tuning-runs 3 --epochs 60`)
    expect(found.safe).toBe(false)
    const [{ rate, tuning, runs }] = found.contestants
    // three times the bound, and a fiftieth of it
    expect(tuning.map(({ course }) => course.ended)).toEqual(['done', 'done', 'diverged'])
    expect(tuning[2].rate / tuning[0].rate).toBeCloseTo(150, 9)
    expect(rate).not.toBe(tuning[2].rate)
    for (const { losses, ended } of [...runs, ...tuning.map(({ course }) => course)]) {
      expect(losses.at(-1) === null).toBe(ended === 'diverged')
    }
  })

  test('sparse files, with all schedulers', async () => {
    const line = 'X.mtx --rank 2 --schedulers all --epochs 2 --tuning-runs 1 --repeats 1'
    const found = await asked(line)
    expect(found).toMatchObject({ sparse: true, nonzeros: 6, batchRows: 1 })
    expect(found.contestants.length).toBeGreaterThan(15)
    for (const { runs } of found.contestants) expect(runs[0].ended).toBe('done')
  })

  test('a table for people, without colours in a pipe, and a report with every scheduler', async () => {
    const { code, stdout, stderr } = await run(`schedule X.csv ${short} --schedulers step,cosine --report out/s.html`)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(
      /^ +final loss +over the seeds +above best +best loss +rate +epochs +steps +forwards +time +to tune\n/,
    )
    expect(stdout).toMatch(/^→ (step|cosine) +[\d.,e-]+ +[\d.,e-]+ … [\d.,e-]+ .* 6 +30 +30 +[\d.]+ s +[\d.]+ s$/m)
    expect(stdout).toMatch(/^ {2}mu \(no rate\) /m)
    expect(stdout).toContain('budget   2 schedulers, each 2 rates × 3 epochs to tune, then 2 seeds × 6 epochs')
    expect(stdout).toContain('report   out/s.html')
    expect(stdout).not.toContain('\x1b')
    const html = readFileSync(at('out/s.html'), 'utf8')
    for (const name of ['step', 'cosine']) expect(html).toContain(`id="losses-${name}-plot"`)
    expect(html).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/)
    expect(await run(`schedule X.csv ${short} --schedulers step --quiet`)).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

describe('what schedule refuses', () => {
  test.each([
    ['schedule X.csv', '--rank'],
    ['schedule --rank 2', 'file'],
    ['schedule X.csv --rank 0', '--rank'],
    ['schedule X.csv --rank 2 --schedulers cosine,guess', 'schedulers[1] is "guess"'],
    ['schedule X.csv --rank 2 --schedulers cosine,all', 'schedulers[1] is "all"'],
    ['schedule X.csv --rank 2 --epochs 0', '--epochs'],
    ['schedule X.csv --rank 2 --tuning-runs 0', '--tuning-runs'],
    ['schedule X.csv --rank 2 --repeats 1.5', '--repeats'],
    ['schedule X.csv --rank 2 --noise -1', '--noise'],
    ['schedule X.csv --rank 2 --backend abacus', 'abacus'],
    ['schedule X.csv --rnak 2', "unknown option '--rnak'"],
    ['schedule missing.csv --rank 2', 'missing.csv'],
    ['schedule negative.csv --rank 1', '= -0.5'],
    ['schedule X.csv --rank 2 --report X.csv/s.html', 'X.csv is not a folder'],
    ['schedule X.csv --rank 2 --time-budget-ms 0', '--time-budget-ms is 0'],
  ])('%s', async (line, message) => {
    const { code, stdout, stderr } = await run(line)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3)
    expect(stderr).not.toMatch(/\n\s+at /)
  })
})

describe('an interruption', () => {
  /** A named pipe tells when the command has come as far as reading. */
  const interrupted = async (line: string, when: (child: { kill(signal: 'SIGINT'): boolean }) => void) => {
    execFileSync('mkfifo', [at('pipe.csv')])
    try {
      return await run(`schedule pipe.csv ${line}`, {
        started: async child => {
          await writeFile(at('pipe.csv'), csv)
          when(child)
        },
      })
    } finally {
      rmSync(at('pipe.csv'))
    }
  }

  test('before the first round is whole ends it with one line and no report', async () => {
    const endless = '--rank 3 --epochs 1000000 --schedulers constant --report pipe.html'
    const outcome = await interrupted(endless, child => setTimeout(() => child.kill('SIGINT'), 300))
    expect(outcome).toEqual({ code: 1, stdout: '', stderr: 'nonneg: interrupted, nothing was written\n' })
    expect(existsSync(at('pipe.html'))).toBe(false)
  })

  test('after that shows what there is, and says so', async () => {
    const line = '--rank 3 --epochs 1 --tuning-runs 1 --repeats 10000 --schedulers constant --report pipe.html'
    // long enough for a round, and far from ten thousand
    const { code, stdout, stderr } = await interrupted(`${line}`, child => setTimeout(() => child.kill('SIGINT'), 3000))
    expect(code).toBe(1)
    expect(stderr).toMatch(/^nonneg: interrupted: \d+ of 10,000 seeds, each by every scheduler\n$/)
    expect(stdout).toMatch(/^→ constant /m)
    expect(stdout).toMatch(/^note {5}interrupted: \d+ of 10,000 seeds/m)
    expect(readFileSync(at('pipe.html'), 'utf8')).toContain('interrupted:')
  })

  test('a budget of time does the same, and is no failure', async () => {
    const line = 'schedule X.csv --rank 3 --epochs 1 --tuning-runs 1 --repeats 10000 --schedulers constant'
    const { code, stdout, stderr } = await run(`${line} --time-budget-ms 3000 --json`)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const { ended, seeds, contestants } = JSON.parse(stdout)
    expect(ended).toBe('time-budget')
    expect(seeds.length).toBeGreaterThan(0)
    for (const { runs } of contestants) expect(runs).toHaveLength(seeds.length)
  })
})
