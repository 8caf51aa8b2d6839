import { expect, it } from 'vitest'
import { CONTROL_BYTES, Crew, help, reportLoss } from '../../ts/backends/wasm/crew.js'
import { gramLayout } from '../../ts/backends/wasm/gram-layout.js'
import { Views } from '../../ts/backends/wasm/heap.js'
import { moduleBytes } from '../../ts/backends/wasm/kernels.js'
import { sourceOf } from '../../ts/backends/wasm/source.js'
import { type DenseFit, Thread } from '../../ts/backends/wasm/thread.js'
import { inSlices } from '../../ts/core/breathe.js'
import { wasmPlainF32 } from '../../ts/generated/wasm-plain-f32.js'
import { dense, specOf } from './helpers.js'

// Coordinator and helper by turns in one thread, so that who does what is known.
async function crewOfTwo(base = 64) {
  const X = dense(500, 300)
  const layout = gramLayout({ rows: 500, columns: 300, rank: 16, dtype: 'f32' }, { beta: 2, rule: 'mu' }, 2, base)
  const pages = Math.ceil((base + layout.bytes) / 65536)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true })
  const module = new WebAssembly.Module(moduleBytes(wasmPlainF32, true))
  const thread = (index: number) => {
    const created = new Thread(new Views(memory), index)
    created.install('f32', module)
    return created
  }
  const [first, helper] = [thread(0), thread(1)]
  const source = await inSlices(sourceOf(X, 'f32', true, undefined))
  if (source.kind !== 'dense') throw new Error('dense X has a dense source')
  const fit = first.learn({ layout, spec: specOf(16), source, flags: new Int32Array(1) }) as DenseFit
  const control = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES))
  const views = new Views(memory)
  const reset = () => {
    views.u8.fill(0, base, base + layout.bytes)
    // both factors, H as rows, and both Gram matrices
    for (let at = layout.W; at < layout.laneA; at += 4) views.f32[at / 4] = 0.1 + ((at - base) % 7)
  }
  const state = () => Buffer.from(views.u8.slice(layout.W, layout.x)).toString('base64')
  reset()
  return { fit, control, crew: new Crew(first, control), helper, state, reset }
}

const finish = (steps: Iterator<unknown, unknown>) => {
  while (!steps.next().done);
}

it('gives lanes to a helper, and the same bits come out', async () => {
  const { fit, control, crew, helper, state, reset } = await crewOfTwo()
  const lanes = fit.layout.rowBounds.length - 1
  expect(lanes).toBeGreaterThanOrEqual(4)

  const alone = new Crew(crew.thread, undefined)
  finish(alone.phase(1, fit, 'rows'))
  const expected = state()

  reset()
  const steps = crew.phase(1, fit, 'rows')
  // lane 0 is begun, all others wait for someone
  expect(steps.next().value).toBe('part')
  expect(state() === expected).toBe(false)
  expect(help(control, helper, new Map(), 0)).toBe(false)
  expect(help(control, helper, new Map([[1, fit]]), 0)).toBe(true)
  finish(steps)
  expect(state() === expected).toBe(true)
})

it('computes the same beyond 2 GiB, where addresses do not fit into an i32', async () => {
  const states: string[] = []
  for (const base of [64, 2 ** 31 + 2 ** 28]) {
    const { fit, crew, state } = await crewOfTwo(base)
    for (const phase of ['gram', 'rows', 'columns'] as const)
      finish(new Crew(crew.thread, undefined).phase(1, fit, phase))
    states.push(state())
    expect(fit.layout.W).toBe(base)
  }
  expect(states[1] === states[0]).toBe(true)
})

it('lets a helper go once its jobs are finished', async () => {
  const { fit, control, crew, helper } = await crewOfTwo()
  crew.finishJob()
  crew.finishJob()
  expect(help(control, helper, new Map([[1, fit]]), 2)).toBe(true)
})

it('reports what went wrong in a helper, after the phase', async () => {
  const { fit, control, crew, helper } = await crewOfTwo()
  const broken = { ...fit, layout: { ...fit.layout, x: 2 ** 32 - 65536 } }
  const steps = crew.phase(1, fit, 'rows')
  steps.next()
  expect(help(control, helper, new Map([[1, broken]]), 0)).toBe(true)
  expect(() => finish(steps)).toThrow(/RangeError/)
  // the next phase is none the worse for it
  expect(() => finish(crew.phase(1, fit, 'rows'))).not.toThrow()
})

it('does not wait for a helper that has ended', async () => {
  const { fit, control, crew } = await crewOfTwo()
  const steps = crew.phase(1, fit, 'rows')
  steps.next()
  // someone has claimed a lane and is never heard of again
  Atomics.sub(control, 0, 1)
  reportLoss(control)
  expect(() => finish(steps)).toThrow(expect.objectContaining({ code: 'ERR_NONNEG_BACKEND' }))
})
