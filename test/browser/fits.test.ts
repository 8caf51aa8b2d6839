import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { plannedLayout } from '../../ts/backends/wasm/memory.js'
import { denseView } from '../../ts/core/matrix.js'
import { LOSSES as NAMED } from '../../ts/nmf/loss.js'
import { SOLVER_NAMES, SOLVERS, type SolverName } from '../../ts/nmf/solvers.js'
import { factorize, type LossName } from '../../ts/node.js'
import { denseMatrix } from '../conformance/problems.js'
import { distance, LOST, OFF, UNIT } from '../conformance/trajectory.js'
import { type Asked, type FitsResult, listFor, type Seen, seenOf } from './fits.page.js'
import { hasBrowser, withBrowser } from './rig.js'

// Every solver with every loss in a browser, from starts that are given, held to where the reference in Node ends from there.
// A page that is isolated runs the whole grid. One that is not does so with WASM, whose threads are what differs; with WebGPU,
// whose pipelines take the software driver seconds, it runs a covering set: each solver once, and each loss.

interface Size {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly iterations: number
}

const SMALL: Size = { rows: 30, columns: 20, rank: 3, iterations: 12 }
/** Large enough for threads of WASM to share the work of an iteration, which they do not where it is small. */
const SHARED: Size = { rows: 300, columns: 240, rank: 16, iterations: 2 }

const LOSSES: readonly (LossName | number)[] = ['frobenius', 'kullback-leibler', 'itakura-saito', 0.5]

/** What no backend takes: solvers for one loss, with the others. */
const REFUSED: readonly string[] = [
  'bpp kullback-leibler',
  'bpp itakura-saito',
  'bpp 0.5',
  'scd frobenius',
  'scd itakura-saito',
  'scd 0.5',
  'svrmu kullback-leibler',
  'svrmu itakura-saito',
  'svrmu 0.5',
  'sgd kullback-leibler',
  'sgd itakura-saito',
  'sgd 0.5',
]

interface Visit {
  readonly seen: FitsResult
  /** Workers of the page when its fits have ended, while their device is still open. */
  readonly workers: number
}

/** Fits of some solvers from factors that eight multiplicative updates have made about right. */
async function askedOf(
  { rows, columns, rank, iterations }: Size,
  loss: LossName | number,
  solvers: readonly SolverName[],
  backends: Asked['backends'],
): Promise<Asked[]> {
  // without zeros, which losses of β ≤ 0 do not allow
  const X = denseMatrix(rows, columns).data.map(value => Math.max(value, 2 ** -6))
  const common = { rank, loss, tolerance: 0, seed: 5, threads: 2 }
  const start = { ...common, solver: 'mu', init: 'random', maxIterations: 8, backend: 'wasm' } as const
  const { W, H } = await factorize({ data: X, rows, columns }, start)
  const given = { rows, columns, X: [...X], W: [...W.data], H: [...H.data] }
  return solvers.map(solver => {
    // several batches a pass, the last of them short
    const batches = SOLVERS[solver].batchRows === undefined ? {} : { batchRows: 12 }
    const options = { ...common, ...batches, solver, maxIterations: iterations }
    return { name: `${solver} ${loss} ${rows}x${columns}`, given, backends, options }
  })
}

async function allAsked(): Promise<Asked[]> {
  const asked: Asked[] = []
  for (const loss of LOSSES) {
    asked.push(...(await askedOf(SMALL, loss, SOLVER_NAMES, ['wasm', 'webgpu'])))
    // rounds of descent take the reference seconds elsewhere
    asked.push(...(await askedOf(SHARED, loss, loss === 'frobenius' ? ['mu', 'ahals'] : ['mu'], ['wasm'])))
  }
  return asked
}

/** What a page is asked for. */
function listOf(asked: readonly Asked[], isolated: boolean): readonly Asked[] {
  return asked.map(one => {
    const { loss, solver } = one.options
    const isCovering = loss === 'frobenius' || solver === 'mu' || solver === 'scd'
    return isolated || isCovering ? one : { ...one, backends: one.backends.filter(id => id !== 'webgpu') }
  })
}

/** The fits of some names that are refused, or that are not. */
function ofThose(names: readonly string[], refused: boolean): string[] {
  return names.filter(name => REFUSED.some(end => name.includes(` ${end} `)) === refused).sort()
}

/** How far losses may be off: as far as in test/conformance/trajectory.ts, and for the reasons there. */
function slackOf({ given }: Asked, loss: number): number {
  const scale = given.X.reduce((sum, x) => sum + Math.max(1, x * x), 0)
  return UNIT.f32 * (OFF * loss + LOST * (scale + loss))
}

describe.runIf(hasBrowser)('fits in a browser', () => {
  let root: string
  let asked: Asked[]
  const wanted = new Map<string, Seen>()
  const visits = new Map<boolean, Promise<Visit>>()

  /** What the page has seen, which it is loaded for once. */
  function visit(isolated: boolean): Promise<Visit> {
    const known = visits.get(isolated)
    if (known) return known
    const made = withBrowser({ root, isolated }, async ({ page, result }) => {
      return { seen: await result<FitsResult>('index.html'), workers: page.workers().length }
    })
    visits.set(isolated, made)
    return made
  }

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'nonneg-fits-'))
    await build({
      stdin: {
        contents: `import { work } from './fits.page.js'\nglobalThis.result = await work()`,
        resolveDir: import.meta.dirname,
      },
      outfile: path.join(root, 'fits.js'),
      bundle: true,
      platform: 'browser',
      format: 'esm',
      target: 'es2022',
      logLevel: 'error',
    })
    writeFileSync(path.join(root, 'index.html'), '<!doctype html><script type="module" src="fits.js"></script>')
    asked = await allAsked()
    for (const isolated of [true, false]) {
      writeFileSync(path.join(root, listFor(isolated)), JSON.stringify(listOf(asked, isolated)))
    }
    const refused: string[] = []
    for (const each of asked) {
      for (const seen of await seenOf(each, 'reference', refused)) wanted.set(seen.name, seen)
    }
    const due = asked.map(({ name }) => `reference ${name}`)
    expect(refused.sort()).toEqual(ofThose(due, true).map(name => `${name}: ERR_NONNEG_OPTION`))
    expect(refused).toHaveLength(REFUSED.length)
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('asks for fits whose work threads share', () => {
    for (const { name, given, options } of asked) {
      const { rank, loss = 'frobenius', solver } = options
      const beta = typeof loss === 'number' ? loss : NAMED[loss]
      if (given.rows !== SHARED.rows || solver === undefined || solver === 'auto') continue
      const spec = { rank, beta, rule: SOLVERS[solver].rule, dtype: 'f32' } as const
      const X = denseView(Float32Array.from(given.X), given.rows, given.columns)
      expect(plannedLayout(X, spec, undefined, 2).threads, name).toBe(2)
    }
  })

  it('asks for fits that end far from each other, so that one is not taken for another', () => {
    for (const one of asked) {
      for (const other of asked) {
        const [a, b] = [wanted.get(one.name)?.loss, wanted.get(other.name)?.loss]
        if (one === other || one.given !== other.given || a === undefined || b === undefined) continue
        expect(Math.abs(a - b), `${one.name} and ${other.name}`).toBeGreaterThan(4 * slackOf(one, a))
      }
    }
  })

  it.for([true, false])('ends where the reference does, cross-origin isolated: %s', async isolated => {
    const { seen, workers } = await visit(isolated)
    expect(seen).toMatchObject({ isolated, sharedMemory: isolated })
    // the second thread takes memory that both see
    expect(workers).toBe(isolated ? 2 : 1)
    const due = listOf(asked, isolated).flatMap(({ name, backends }) => backends.map(id => `${id} ${name}`))
    expect([...seen.refused].sort()).toEqual(ofThose(due, true).map(name => `${name}: ERR_NONNEG_OPTION`))
    expect(seen.fits.map(({ backend, name }) => `${backend} ${name}`).sort()).toEqual(ofThose(due, false))
    for (const { name, backend, loss, W, H } of seen.fits) {
      const target = wanted.get(name)!
      const one = asked.find(each => each.name === name)!
      const off = Math.abs(loss - target.loss)
      expect(off, `loss of ${backend} ${name}`).toBeLessThanOrEqual(slackOf(one, target.loss))
      expect(distance(W, target.W), `W of ${backend} ${name}`).toBeLessThanOrEqual(OFF * UNIT.f32)
      expect(distance(H, target.H), `H of ${backend} ${name}`).toBeLessThanOrEqual(OFF * UNIT.f32)
    }
  })

  it('has the same bits with two threads and with one', async () => {
    const onWasm = async (isolated: boolean) =>
      (await visit(isolated)).seen.fits.filter(({ backend }) => backend === 'wasm')
    const two = await onWasm(true)
    expect(two.length).toBeGreaterThan(0)
    expect(two).toEqual(await onWasm(false))
  })
})
