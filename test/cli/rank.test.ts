import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ChooseRankOptions, chooseRank } from '../../ts/node.js'
import { plantedDense } from '../nmf/rank/planted.js'
import { bundleCommand, type Launch, nonneg } from './command.js'

bundleCommand()

const folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-rank-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => path.join(folder, name)
const run = (line: string, launch: Launch = {}) => nonneg(line.split(' '), { cwd: folder, ...launch })

const X = plantedDense({ rows: 30, columns: 24, rank: 3, seed: 1, grouped: true })
const rows = Array.from({ length: 30 }, (_, i) => Array.from(X.data.subarray(i * 24, (i + 1) * 24)))
const ones = rows.map((row, i) => row.map((_, j) => ((i + j) % 4 === 0 ? 0 : 1)))
const csv = (list: readonly (readonly number[])[]) => list.map(row => `${row.join(',')}\n`).join('')

beforeAll(() => {
  writeFileSync(at('X.csv'), csv(rows))
  writeFileSync(at('ones.csv'), csv(ones))
  writeFileSync(at('negative.csv'), '1,2\n3,-0.5\n')
})

const short = '--max-iterations 10 --tolerance 0'

describe('what rank prints', () => {
  const asked = async (line: string) => {
    const { code, stdout, stderr } = await run(`rank X.csv ${short} --dtype f64 --json ${line}`)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trim().split('\n')).toHaveLength(1)
    return JSON.parse(stdout)
  }
  const wanted = async (options: Partial<ChooseRankOptions>) => {
    const fixed = { maxIterations: 10, tolerance: 0, dtype: 'f64', backend: 'reference', ranks: [1, 2, 3] } as const
    const { seconds, explain, plot, ...rest } = await chooseRank(rows, { ...fixed, ...options })
    return JSON.parse(JSON.stringify(rest))
  }

  test('the choice and its evidence, as JSON', async () => {
    const found = await asked('--ranks 1-3 --seed 4')
    expect(found).toMatchObject({ file: 'X.csv', rows: 30, columns: 24, sparse: false, backend: 'reference' })
    expect(found).toMatchObject(await wanted({ seed: 4 }))
    expect(found.version).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version)
  })

  test.each<[string, Partial<ChooseRankOptions>]>([
    [
      '--ranks 2,3 --method consensus --replicates 4 --rule cophenetic --sample-rows 20',
      {
        ...{ ranks: [2, 3], method: 'consensus', replicates: 4, rule: 'cophenetic', sampleRows: 20 },
      },
    ],
    ['--ranks 3,1-2 --rule minimum --holdout 0.3 --replicates 2', { rule: 'minimum', holdout: 0.3, replicates: 2 }],
    ['--ranks 1-3 --loss kullback-leibler --solver hals --starts 2', { loss: 1, solver: 'hals', starts: 2 }],
    ['--ranks 1-3 --alpha-w 0.1 --alpha-h 0.2 --l1-ratio 0.5', { alphaW: 0.1, alphaH: 0.2, l1Ratio: 0.5 }],
    ['--ranks 1-3 --mask ones.csv', { mask: ones }],
    ['--ranks 1-3 --weights ones.csv --concurrency 2', { weights: ones, concurrency: 2 }],
  ])('with the options given: %s', async (line, options) => {
    expect(await asked(line)).toMatchObject(await wanted(options))
  })

  test('a table for people, without colours in a pipe, and a chart', async () => {
    const { code, stdout, stderr } = await run(`rank X.csv --ranks 2-4 --plot charts/rank.json`)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^ +rank +held-out error +error of what was seen\n/)
    expect(stdout).toMatch(/^→ +3 +[\d.]+ ± [\d.e-]+ +[\d.e-]+$/m)
    expect(stdout).toContain('rank     3: the mean error of held-out entries is least at rank')
    expect(stdout).toContain('charts/rank.json')
    expect(stdout).not.toContain('\x1b')
    const plot = JSON.parse(readFileSync(at('charts/rank.json'), 'utf8'))
    expect(plot).toMatchObject({ title: { text: 'rank 3, by cross-validation' } })
  })

  test('another table for consensus, and nothing when quiet', async () => {
    const { stdout } = await run(`rank X.csv --ranks 2-3 --method consensus --replicates 3 ${short}`)
    expect(stdout).toMatch(/^ +rank +dispersion +cophenetic +loss of an entry\n/)
    expect(stdout).toContain('30 of 30 rows compared')
    expect(await run(`rank X.csv --ranks 2 ${short} --quiet`)).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

describe('what rank refuses', () => {
  test.each([
    ['rank X.csv', '--ranks'],
    ['rank --ranks 2', 'file'],
    ['rank X.csv --ranks 2,x', '2,x'],
    ['rank X.csv --ranks 5-2', '5-2'],
    ['rank X.csv --ranks 2.5', '2.5'],
    ['rank X.csv --ranks 0-3', 'ranks[0] is 0'],
    ['rank X.csv --ranks 1-3 --method consensus', 'ranks[0] is 1'],
    ['rank X.csv --ranks 2 --method guess', 'guess'],
    ['rank X.csv --ranks 2 --rule dispersion', 'dispersion'],
    ['rank X.csv --ranks 2 --replicates 1', '--replicates'],
    ['rank X.csv --ranks 2 --holdout 1.5', 'holdout'],
    ['rank X.csv --ranks 2 --loss hinge', 'hinge'],
    ['rank X.csv --ranks 2 --mask negative.csv', 'mask is 2 × 2, X is 30 × 24'],
    ['rank X.csv --rnaks 2', "unknown option '--rnaks'"],
    ['rank missing.csv --ranks 2', 'missing.csv'],
    ['rank negative.csv --ranks 1', 'X[1, 1] = -0.5'],
    ['rank X.csv --ranks 2 --plot X.csv/rank.json', 'X.csv is not a folder'],
  ])('%s', async (line, message) => {
    const { code, stdout, stderr } = await run(line)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3)
    expect(stderr).not.toMatch(/\n\s+at /)
  })

  test('an interruption ends it with one line, code 1 and no chart', async () => {
    // a named pipe tells when the command has come as far as reading
    execFileSync('mkfifo', [at('pipe.csv')])
    const endless = 'rank pipe.csv --ranks 2,3 --max-iterations 1000000000 --tolerance 0 --plot pipe.json'
    const outcome = await run(endless, {
      started: async child => {
        await writeFile(at('pipe.csv'), csv(rows))
        setTimeout(() => child.kill('SIGINT'), 300)
      },
    })
    expect(outcome).toEqual({ code: 1, stdout: '', stderr: 'nonneg: interrupted, nothing was written\n' })
    expect(existsSync(at('pipe.json'))).toBe(false)
  })
})
