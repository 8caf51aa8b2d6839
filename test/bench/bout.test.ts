import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Bout, type Entrant, hold } from '../../bench/bout.js'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-bout-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function entrant(start: Readonly<Record<string, string | number>>, over: Partial<Entrant> = {}): Entrant {
  const command = [process.execPath, 'test/bench/fake-contestant.mjs']
  return { backend: 'fake', variant: '', threads: 1, dtype: 'f32', command, start, units: 10, ...over }
}

const boutOf = (...entrants: Entrant[]): Bout => ({ group: 'g', problem: 'p', unit: 'call', entrants })

it('takes turns forwards and backwards, and leaves the warm-up out of the samples', async () => {
  const log = path.join(folder, 'log')
  const named = (name: string) => entrant({ name, log, seconds: 0.1 })
  const { rows } = await hold(boutOf(named('a'), named('b'), named('c')), 3, () => 0)
  expect(readFileSync(log, 'utf8')).toBe('cba' + 'abc' + 'cba' + 'abc')
  expect(rows.map(row => row.samples.length)).toEqual([3, 3, 3])
})

it('holds loud rounds again, and counts the quietest', async () => {
  const log = path.join(folder, 'loud')
  const counting = entrant({ name: 'a', log, seconds: 0.1, step: 1 })
  const times = async (shares: readonly number[]) => {
    const before = readFileSync(log, { encoding: 'utf8', flag: 'a+' }).length
    // asked before and after every round; the warm-up is not judged
    const asked = [0, ...shares.flatMap(share => [0, share])]
    const { rows } = await hold(boutOf(counting), 3, () => asked.shift()!)
    expect(asked).toEqual([])
    const held = readFileSync(log, 'utf8').length - before
    // each round is a second longer than the one before, the warm-up being the first
    return { held, rounds: rows[0].samples.map(seconds => Math.round(seconds - 0.1)) }
  }
  expect(await times([0, 0.01, 0])).toEqual({ held: 4, rounds: [1, 2, 3] })
  expect(await times([0.5, 0, 0.2, 0, 0])).toEqual({ held: 6, rounds: [2, 4, 5] })
  expect(await times([0.5, 0.3, 0.2, 0.4, 0.02, 0])).toEqual({ held: 7, rounds: [3, 5, 6] })
})

it('makes rates of seconds, shares of roofs with as many threads, and comparisons with the first', async () => {
  const roof = { backend: 'roofline', roof: 'arithmetic' } as const
  const { rows, comparisons } = await hold(
    boutOf(
      entrant({ seconds: 0.1 }, { under: 'arithmetic' }),
      entrant({ seconds: 0.4 }, { backend: 'peer', work: { flops: 4e9, bytes: 8e9 } }),
      entrant({ seconds: 0.08 }, roof),
      entrant({ seconds: 0.05 }, roof),
      entrant({ seconds: 0.01 }, { ...roof, threads: 2 }),
    ),
    3,
  )
  const [ours, peer] = rows
  expect(ours).toMatchObject({ status: 'measured', variant: 'made up', gbs: null, loss: 4.5 })
  expect(ours.median).toBeCloseTo(0.1, 12)
  expect(ours.gflops).toBeCloseTo(20, 9)
  expect(ours.roofline!.value).toBeCloseTo(40, 9)
  expect(ours.roofline!.share).toBeCloseTo(0.5, 9)
  expect(peer.gflops).toBeCloseTo(10, 9)
  expect(peer.gbs).toBeCloseTo(20, 9)
  expect(comparisons).toHaveLength(1)
  expect(comparisons[0]).toMatchObject({ row: 'fake made up ×1', against: 'peer made up ×1' })
  expect(comparisons[0].ratio).toBeCloseTo(4, 9)
})

it('compares emulations on one driver, and none where hardware alone has anything in common', async () => {
  const compared = async (over: Partial<Bout>, first: number, second: number) => {
    const emulated = [first, second, 0].map(emulated => entrant({ seconds: 0.1, emulated }))
    const { rows, comparisons } = await hold({ ...boutOf(...emulated), ...over }, 1, () => 0)
    expect(rows.map(row => Number(row.emulated ?? 0))).toEqual([first, second, 0])
    return comparisons.length
  }
  expect(await compared({}, 1, 1)).toBe(2)
  expect(await compared({ comparesHardware: true }, 1, 1)).toBe(0)
  expect(await compared({ comparesHardware: true }, 0, 1)).toBe(1)
  expect(await compared({ comparesHardware: true }, 0, 0)).toBe(2)
})

it('reports who cannot, who is absent and who fails, and goes on with the others', async () => {
  const { rows, comparisons } = await hold(
    boutOf(
      entrant({ how: 'unsupported' }),
      entrant({ how: 'absent' }, { remedy: 'get it' }),
      entrant({ how: 'broken' }),
      entrant({ how: 'dies' }),
      entrant({}, { command: ['no-such-program-anywhere'] }),
      entrant({ seconds: 0.1 }),
      entrant({ seconds: 0.1 }, { fresh: true }),
    ),
    1,
  )
  expect(rows.map(row => row.status)).toEqual([
    'unsupported',
    'absent',
    'failed',
    'failed',
    'absent',
    'measured',
    'measured',
  ])
  expect(rows[0].reason).toBe('it cannot do this')
  expect(rows[1].reason).toBe('nothing is installed (get it)')
  expect(rows[2].reason).toBe('a bug')
  expect(rows[3].reason).toContain('the process ended')
  expect(rows[4].reason).toContain('no-such-program-anywhere')
  // the first entrant has no times, so there is nothing to compare with
  expect(comparisons).toEqual([])
})

it('finds a number of units that fills a sample', async () => {
  const { rows } = await hold(boutOf(entrant({ seconds: 0.002 }, { units: undefined })), 1)
  expect(rows[0].median).toBeCloseTo(0.002, 12)
})
