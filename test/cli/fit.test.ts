import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readMatrix } from '../../ts/data/index.js'
import { type FactorizeOptions, factorize } from '../../ts/node.js'
import { rowsOf } from '../data/helpers.js'
import { hasDriver } from '../webgpu/software.js'
import { bundleCommand, type Launch, nonneg } from './command.js'

bundleCommand()

const folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-cli-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => path.join(folder, name)
const run = (line: string, launch: Launch = {}) => nonneg(line.split(' '), { cwd: folder, ...launch })

// Of rank 2 exactly, so that a fit comes close.
const rows = Array.from({ length: 12 }, (_, i) =>
  Array.from({ length: 7 }, (_, j) => (i % 3) * (j + 1) + (i % 2) * (7 - j)),
)

beforeAll(() => {
  writeFileSync(at('X.csv'), rows.map(row => `${row.join(',')}\n`).join(''))
  const named = rows.map((row, i) => `sample ${i},${row.join(',')}\n`).join('')
  writeFileSync(at('named.csv'), `id,${rows[0].map((_, j) => `feature ${j}`).join(',')}\n${named}`)
  const entries = rows.flatMap((row, i) => row.map((value, j) => `${i + 1} ${j + 1} ${value}`))
  const mtx = `%%MatrixMarket matrix coordinate integer general\n12 7 84\n${entries.join('\n')}\n`
  writeFileSync(at('X.mtx.gz'), gzipSync(mtx))
  writeFileSync(at('negative.csv'), '1,2\n3,-0.5\n')
  writeFileSync(at('broken.csv'), '1,2\n3,x\n')
})

/** The largest entry of |X − WH| for the factor files. */
async function worst(W: string, H: string): Promise<number> {
  const w = rowsOf((await readMatrix(at(W))).matrix)
  const h = rowsOf((await readMatrix(at(H))).matrix)
  const errors = rows.flatMap((row, i) =>
    row.map((value, j) => Math.abs(value - w[i].reduce((sum, x, k) => sum + x * h[k][j], 0))),
  )
  return Math.max(...errors)
}

const exactly = '--max-iterations 2000 --tolerance 0'

describe('what fit writes', () => {
  test.each(['X.csv', 'X.mtx.gz'])('factors of %s whose product is the matrix', async file => {
    const { code, stdout, stderr } = await run(`fit ${file} --rank 2 --out factors/of-${file} ${exactly} --json`)
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.trim().split('\n')).toHaveLength(1)
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({
      version: JSON.parse(readFileSync('package.json', 'utf8')).version,
      file,
      rows: 12,
      columns: 7,
      nonzeros: rows.flat().filter(value => value !== 0).length,
      sparse: file === 'X.mtx.gz',
      rank: 2,
      iterations: 2000,
      reason: 'max-iterations',
      backend: 'reference',
      emulated: false,
      files: { W: path.join(`factors/of-${file}`, 'W.npy'), H: path.join(`factors/of-${file}`, 'H.npy') },
    })
    expect(result.seconds).toBeGreaterThan(0)
    expect(result.relativeError).toBeLessThan(0.01)
    expect(result.loss).toBeGreaterThanOrEqual(0)
    expect(await worst(result.files.W, result.files.H)).toBeLessThan(0.1)
  })

  test('a csv whose column names are numbers, when told so', async () => {
    writeFileSync(at('years.csv'), 'gene,2001,2002\na,1,2\nb,3,4\n')
    expect((await run('fit years.csv -r 1 -o years --header --format csv -q')).code).toBe(0)
    expect((await readMatrix(at('years/H.csv'))).columnLabels).toEqual(['2001', '2002'])
    const guessed = await run('fit years.csv -r 1 -o years --no-row-labels')
    expect(guessed.code).toBe(2)
  })

  test('csv with the labels of the matrix', async () => {
    expect((await run(`fit named.csv -r 2 -o named ${exactly} --format csv -q`)).code).toBe(0)
    const W = await readMatrix(at('named/W.csv'))
    const H = await readMatrix(at('named/H.csv'))
    const components = ['component 1', 'component 2']
    expect(W.rowLabels).toEqual(rows.map((_, i) => `sample ${i}`))
    expect(W.columnLabels).toEqual(components)
    expect(H.rowLabels).toEqual(components)
    expect(H.columnLabels).toEqual(rows[0].map((_, j) => `feature ${j}`))
    expect(await worst('named/W.csv', 'named/H.csv')).toBeLessThan(0.1)
  })

  test('json', async () => {
    expect((await run('fit X.csv -r 3 -o json --format json -q')).code).toBe(0)
    const H = JSON.parse(readFileSync(at('json/H.json'), 'utf8'))
    expect([H.rows, H.columns, H.data.length, H.data[0].length, Object.keys(H)]).toEqual([
      3,
      7,
      3,
      7,
      ['rows', 'columns', 'data'],
    ])
  })

  test('the same bytes for the same seed, others for another', async () => {
    for (const [out, seed] of [
      ['s1', 5],
      ['s2', 5],
      ['s3', 6],
    ])
      await run(`fit X.csv -r 2 -o ${out} --seed ${seed} -q`)
    const bytes = (out: string) => readFileSync(at(`${out}/W.npy`))
    expect(bytes('s1').equals(bytes('s2'))).toBe(true)
    expect(bytes('s1').equals(bytes('s3'))).toBe(false)
  })

  test('options reach the fit', async () => {
    const given = '--loss frobenius --solver mu --init random --seed 3 --max-iterations 7 --tolerance 0 --threads 1'
    const { stdout } = await run(`fit X.csv -r 2 -o options ${given} --backend reference --json`)
    expect(JSON.parse(stdout)).toMatchObject({ iterations: 7, reason: 'max-iterations', threads: 1 })
    const short = await run(
      'fit X.csv -r 2 -o options --max-iterations 100000000 --tolerance 0 --time-budget 0.05 --json',
    )
    expect(JSON.parse(short.stdout)).toMatchObject({ reason: 'time-budget' })
    const loose = await run('fit X.csv -r 2 -o options --tolerance 0.5 --json')
    expect(JSON.parse(loose.stdout)).toMatchObject({ reason: 'converged' })
  })

  test('losses, penalties, masks, weights and precision reach the fit', async () => {
    const fit = async (given: string) => {
      const { stdout, stderr } = await run(
        `fit X.csv -r 2 -o grid --max-iterations 20 --tolerance 0 --dtype f64 --json ${given}`,
      )
      expect(stderr).toBe('')
      return JSON.parse(stdout).loss as number
    }
    const options = { rank: 2, maxIterations: 20, tolerance: 0, backend: 'reference', dtype: 'f64' } as const
    const wanted = async (more: Partial<FactorizeOptions>) => (await factorize(rows, { ...options, ...more })).loss
    const ones = rows.map((row, i) => row.map((_, j) => ((i + j) % 4 === 0 ? 0 : 1)))
    writeFileSync(at('mask.csv'), ones.map(row => `${row.join(',')}\n`).join(''))
    const listed = ones.flatMap((row, i) => row.flatMap((one, j) => (one ? [`${i + 1} ${j + 1}`] : [])))
    writeFileSync(
      at('mask.mtx'),
      `%%MatrixMarket matrix coordinate pattern general\n12 7 ${listed.length}\n${listed.join('\n')}\n`,
    )
    expect(await fit('--loss kullback-leibler')).toBeCloseTo(await wanted({ loss: 1 }), 9)
    expect(await fit('--loss 1.5 --solver hals')).toBeCloseTo(await wanted({ loss: 1.5, solver: 'hals' }), 9)
    const penalised = { alphaW: 0.1, alphaH: 0.02, l1Ratio: 0.3 }
    expect(await fit('--alpha-w 0.1 --alpha-h 0.02 --l1-ratio 0.3')).toBeCloseTo(await wanted(penalised), 9)
    const masked = await wanted({ mask: ones })
    for (const file of ['mask.csv', 'mask.mtx']) expect(await fit(`--mask ${file}`)).toBeCloseTo(masked, 9)
    expect(await fit('--weights mask.csv')).toBeCloseTo(masked, 9)
    expect(await fit('--holdout 0.25')).toBeCloseTo(await wanted({ mask: { holdout: 0.25 } }), 9)
    const both = await wanted({ mask: { holdout: 0.25 }, weights: ones })
    expect(await fit('--holdout 0.25 --weights mask.csv')).toBeCloseTo(both, 9)
    expect((await readMatrix(at('grid/W.npy'))).matrix).toMatchObject({ data: expect.any(Float64Array) })
  })

  test('what steers stochastic steps reaches the fit', async () => {
    const options = { rank: 2, maxIterations: 9, tolerance: 0, backend: 'reference', dtype: 'f64' } as const
    const line = 'fit X.csv -r 2 -o steps --max-iterations 9 --tolerance 0 --dtype f64 --backend reference --json'
    const fit = async (given: string) => JSON.parse((await run(`${line} ${given}`)).stdout).loss as number
    const wanted = async (more: Partial<FactorizeOptions>) => (await factorize(rows, { ...options, ...more })).loss
    const sgd =
      '--solver sgd --scheduler cosine --learning-rate 0.75 --batch-rows 4 --rounds 3 --noise 0.5 --no-shuffle'
    const batches = { solver: 'sgd', batchRows: 4, rounds: 3, shuffle: false } as const
    const steered = { ...batches, scheduler: 'cosine', learningRate: 0.75, noise: 0.5, updateLimit: 2 } as const
    expect(await fit(`${sgd} --update-limit 2`)).toBeCloseTo(await wanted(steered), 9)
    const raw = { ...batches, safe: false, learningRate: 1e-4 } as const
    const rawly = '--solver sgd --no-safe --learning-rate 1e-4 --batch-rows 4 --rounds 3 --no-shuffle'
    expect(await fit(rawly)).toBeCloseTo(await wanted(raw), 9)
    const reduced = { solver: 'svrmu', batchRows: 5, ratio: 0.5 } as const
    expect(await fit('--solver svrmu --batch-rows 5 --ratio 0.5')).toBeCloseTo(await wanted(reduced), 9)
  })

  test('a start of its own, and what of it stays, reach the fit', async () => {
    const k = [0, 1, 2]
    const W = rows.map((_, i) => k.map(c => 1 + ((i * 5 + c * 3) % 7)))
    const H = k.map(c => rows[0].map((_, j) => 0.5 + ((j * 3 + c) % 5)))
    const text = (matrix: number[][]) => matrix.map(row => `${row.join(',')}\n`).join('')
    writeFileSync(at('W.csv'), text(W))
    // names of its own, which those of X have nothing to do with
    writeFileSync(at('H.csv'), `,${H[0].map((_, j) => `f${j}`).join()}\n${text(H).replace(/^/gm, 'k,').slice(0, -2)}`)
    writeFileSync(at('stay.txt'), '0 4\n6-8,10\n\n')
    const line = 'fit X.csv -r 3 -o kept --max-iterations 6 --tolerance 0 --dtype f64 --no-row-labels --no-header -q'
    const options = { rank: 3, maxIterations: 6, tolerance: 0, dtype: 'f64', backend: 'reference' } as const
    const check = async (given: string, more: Partial<FactorizeOptions>) => {
      expect(await run(`${line} ${given}`)).toEqual({ code: 0, stdout: '', stderr: '' })
      const wanted = await factorize(rows, { ...options, ...more })
      const fitted = await Promise.all(['W', 'H'].map(name => readMatrix(at(`kept/${name}.npy`))))
      expect(fitted.map(({ matrix }) => matrix)).toEqual([wanted.W, wanted.H])
      return wanted
    }
    await check('--init-w W.csv --seed 4', { init: { W }, seed: 4 })
    const both = { init: { W, H } }
    const components = await check('--init-w W.csv --init-h H.csv --frozen-components 0,2', {
      ...{ ...both, frozen: [0, 2] },
    })
    expect([...components.H.data.subarray(0, 7)]).toEqual(H[0])
    await check('--init-h H.csv --frozen-columns 1-3,5', { init: { H }, frozen: { columns: [1, 2, 3, 5] } })
    const lines = { rows: [0, 4, 6, 7, 8, 10], columns: [6], components: [1] }
    const all = '--init-w W.csv --init-h H.csv --frozen-rows stay.txt --frozen-columns 6 --frozen-components 1'
    await check(all, { ...both, frozen: lines })
  })

  test.runIf(hasDriver)('what WebGPU may take and how reaches the fit', async () => {
    const launch = { env: { NONNEG_WEBGPU: 'software' } }
    const line = 'fit X.csv -r 2 -o gpu --backend webgpu --max-iterations 5 --solver mu --json'
    const fitted = await run(`${line} --memory-limit 2GiB --subgroups off`, launch)
    expect(fitted).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(fitted.stdout)).toMatchObject({ backend: 'webgpu', iterations: 5 })
    expect(JSON.parse(fitted.stdout)).not.toHaveProperty('streams')
    const small = await run(`${line} --memory-limit 0.5kB`, launch)
    expect(small).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(/there are 500 bytes\n.*fix: set --memory-limit \(or /),
    })
    // the flag goes before the variable
    const variable = { env: { ...launch.env, NONNEG_WEBGPU_MEMORY: '0.5kB', NONNEG_WEBGPU_SUBGROUPS: 'maybe' } }
    expect((await run(line, variable)).stderr).toContain('NONNEG_WEBGPU_SUBGROUPS')
    expect((await run(`${line} --memory-limit 1MB --subgroups on`, variable)).code).toBe(0)
  })

  test.runIf(hasDriver)('that X is streamed is said, and how much of it', async () => {
    const row = (i: number) => Array.from({ length: 256 }, (_, j) => (i * 31 + j * 17) % 101)
    writeFileSync(at('large.csv'), Array.from({ length: 640 }, (_, i) => `${row(i).join()}\n`).join(''))
    const launch = { env: { NONNEG_WEBGPU: 'software' } }
    const line = 'fit large.csv -r 4 -o large --no-header --backend webgpu --solver mu --max-iterations 3'
    const parts = `${line} --memory-limit 600kB`
    const { streams } = JSON.parse((await run(`${parts} --json`, launch)).stdout)
    expect(streams).toEqual({
      panels: expect.any(Number),
      staying: expect.any(Number),
      bytesPerIteration: expect.any(Number),
    })
    expect(streams.panels).toBeGreaterThan(streams.staying)
    const sent = `X in ${streams.panels} panels, ${streams.staying} of which stay: `
    expect((await run(parts, launch)).stdout).toMatch(new RegExp(`^streams +${sent}\\d.* an iteration$`, 'm'))
  })

  test('float64 keeps what float32 cannot hold', async () => {
    writeFileSync(at('tiny.csv'), rows.map(row => `${row.map(value => `${value}e-50`).join(',')}\n`).join(''))
    const { code, stdout } = await run(`fit tiny.csv -r 2 -o tiny --dtype f64 ${exactly} --json`)
    expect(code).toBe(0)
    expect(JSON.parse(stdout).relativeError).toBeLessThan(0.01)
  })

  test.each(['X.csv', 'X.mtx.gz'])('worker threads do not keep the process from ending: %s', async file => {
    const { code, stdout } = await run(`fit ${file} -r 2 -o threads --backend wasm --threads 2 --json`)
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ backend: 'wasm', threads: 2 })
  })

  test('a summary for people, without colours in a pipe', async () => {
    const { code, stdout, stderr } = await run('fit X.csv -r 2 -o summary')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toContain('12 × 7')
    expect(stdout).toContain(path.join('summary', 'W.npy'))
    expect(stdout).toContain('reference')
    expect(stdout).not.toContain('\x1b')
  })

  test('nothing at all when quiet', async () => {
    expect(await run('fit X.csv -r 2 -o quiet --quiet')).toEqual({ code: 0, stdout: '', stderr: '' })
  })
})

describe('what fit refuses', () => {
  test.each([
    ['fit X.csv --rank 2', '--out'],
    ['fit X.csv --out no', '--rank'],
    ['fit --rank 2 --out no', 'file'],
    ['fit X.csv --rank 2.5 --out no', '2.5'],
    ['fit X.csv --rank abc --out no', 'abc'],
    ['fit X.csv --rank 0 --out no', '--rank'],
    ['fit X.csv --rank -3 --out no', '-3'],
    ['fit X.csv --rank 1e1 --out no', '1e1'],
    ['fit X.csv --rank 99999999999999999999 --out no', '--rank'],
    ['fit X.csv --rank 65537 --out no', '65537'],
    ['fit X.csv --rank 2 --out no --seed -1', '-1'],
    ['fit X.csv --rank 2 --out no --seed 0x10', '0x10'],
    ['fit X.csv --rank 2 --out no --max-iterations 0', '--max-iterations'],
    ['fit X.csv --rank 2 --out no --tolerance -1', '--tolerance'],
    ['fit X.csv --rank 2 --out no --tolerance NaN', 'NaN'],
    ['fit X.csv --rank 2 --out no --time-budget soon', 'soon'],
    ['fit X.csv --rank 2 --out no --threads 0', '--threads'],
    ['fit X.csv --rank 2 --out no --backend gpu', 'gpu'],
    ['fit X.csv --rank 2 --out no --format xls', 'xls'],
    ['fit X.csv --rank 2 --out no --loss hinge', 'hinge'],
    ['fit X.csv --rank 2 --out no --solver magic', 'magic'],
    ['fit X.csv --rank 2 --out no --init zeros', 'zeros'],
    ['fit X.csv --rank 2 --out no --no-safe', '--solver sgd'],
    ['fit X.csv --rank 2 --out no --solver sgd --no-safe', '--learning-rate'],
    ['fit X.csv --rank 2 --out no --solver sgd --scheduler magic', 'magic'],
    ['fit X.csv --rank 2 --out no --solver sgd --learning-rate fast', 'fast'],
    ['fit X.csv --rank 2 --out no --loss 0', 'X[0, 0] = 0'],
    ['fit X.csv --rank 2 --out no --alpha-w -1', '--alpha-w'],
    ['fit X.csv --rank 2 --out no --l1-ratio 2', '--l1-ratio is 2'],
    ['fit X.csv --rank 2 --out no --dtype f16', 'f16'],
    ['fit X.csv --rank 2 --out no --mask negative.csv', 'mask is 2 × 2, X is 12 × 7'],
    ['fit X.csv --rank 2 --out no --mask absent.npy', 'absent.npy'],
    ['fit X.csv --rank 2 --out no --holdout 1.5', 'holdout'],
    ['fit X.csv --rank 2 --out no --holdout 0.5 --mask X.csv', '--holdout'],
    ['fit X.csv --rank 2 --out no --weights negative.csv', 'weights'],
    ['fit X.csv --rank 2 --out no --init random --init-w X.csv', '--init-w'],
    ['fit X.csv --rank 2 --out no --init-w missing.npy', 'missing.npy'],
    ['fit X.csv --rank 2 --out no --init-w X.csv', '--init-w is 12 × 7, not 12 × 2'],
    ['fit X.csv --rank 2 --out no --init-h X.csv --starts 3', 'starts'],
    ['fit X.csv --rank 2 --out no --frozen-components 0', "'--init-h <file>'"],
    ['fit X.csv --rank 2 --out no --frozen-components x --init-h X.csv', '--frozen-components'],
    [
      'fit X.csv --rank 2 --out no --frozen-components 2 --init-h X.csv',
      'a number of --frozen-components is 2, not a whole number from 0 to 1\nfix: nonneg help fit',
    ],
    ['fit X.csv --rank 2 --out no --frozen-rows 0 --init-h X.csv', "'--init-w <file>'"],
    ['fit X.csv --rank 2 --out no --frozen-rows 12 --init-w X.csv', 'a number of --frozen-rows is 12'],
    ['fit X.csv --rank 2 --out no --frozen-rows 5-3 --init-w X.csv', '5-3'],
    ['fit X.csv --rank 2 --out no --frozen-columns broken.csv --init-h X.csv', 'broken.csv: "x"'],
    ['fit X.csv --rank 2 --out no --memory-limit 2GiBs', '--memory-limit'],
    ['fit X.csv --rank 2 --out no --memory-limit 0', '--memory-limit'],
    [
      'fit X.csv --rank 2 --out no --memory-limit 1GB --backend wasm',
      '--memory-limit and --subgroups are for --backend webgpu',
    ],
    ['fit X.csv --rank 2 --out no --subgroups maybe', '--subgroups'],
    ['fit X.csv --rnak 2 --out no', "unknown option '--rnak'"],
    ['fit X.csv other.csv --rank 2 --out no', 'too many arguments'],
    ['fit missing.csv --rank 2 --out no', 'missing.csv'],
    ['fit . --rank 2 --out no', 'extension'],
    ['fit negative.csv --rank 2 --out no', 'X[1, 1] = -0.5'],
    ['fit broken.csv --rank 2 --out no', 'line 2, column 2'],
    ['fit X.csv --rank 2 --out X.csv/no', 'X.csv is not a folder'],
    ['fti X.csv', "unknown command 'fti'"],
  ])('%s', async (line, message) => {
    const { code, stdout, stderr } = await run(`${line}`)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(3)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect(existsSync(at('no'))).toBe(false)
  })

  test('with --json, errors stay on standard error', async () => {
    const { code, stdout, stderr } = await run('fit negative.csv -r 1 -o no --json')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^nonneg: /)
  })

  test('a misspelt option gets a suggestion', async () => {
    expect((await run('fit X.csv --rnak 2 --out no')).stderr).toContain('--rank')
  })

  test('a fit that diverges is a failure that says what helps', async () => {
    const line =
      'fit X.csv -r 2 -o no --solver sgd --no-safe --learning-rate 1 --backend reference --max-iterations 500'
    const { code, stderr } = await run(line)
    expect(code).toBe(1)
    expect(stderr).toMatch(/diverged[\s\S]*fix: .*safe/)
    expect(existsSync(at('no'))).toBe(false)
  })

  test('a backend that this machine has not is a failure, not bad usage', async () => {
    const { code, stderr } = await run('fit X.csv -r 2 -o no --backend webgpu', { env: { NONNEG_DISABLE_WEBGPU: '1' } })
    expect(code).toBe(1)
    expect(stderr).toMatch(/webgpu.*NONNEG_DISABLE_WEBGPU[\s\S]*fix: /)
    expect(existsSync(at('no'))).toBe(false)
  })
})

describe('interruptions', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a fit with one line, code 1 and no files', async signal => {
    // A named pipe tells when the command has come as far as reading: opening it to write waits for the reader.
    execFileSync('mkfifo', [at(`${signal}.csv`)])
    const endless = `fit ${signal}.csv -r 2 -o ${signal} --max-iterations 1000000000 --tolerance 0`
    const { code, stdout, stderr } = await run(endless, {
      started: async child => {
        await writeFile(at(`${signal}.csv`), readFileSync(at('X.csv')))
        setTimeout(() => child.kill(signal), 300)
      },
    })
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: '',
      stderr: 'nonneg: interrupted, nothing was written\n',
    })
    expect(existsSync(at(signal)) ? readdirSync(at(signal)) : []).toEqual([])
  })

  test('a reader that goes away is no failure', async () => {
    const { code, stderr } = await run('fit X.csv -r 2 -o pipe --json', { started: child => child.stdout?.destroy() })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(readdirSync(at('pipe')).sort()).toEqual(['H.npy', 'W.npy'])
  })
})
