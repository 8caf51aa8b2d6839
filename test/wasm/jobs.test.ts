import { expect, it } from 'vitest'
import type { Crew } from '../../ts/backends/wasm/crew.js'
import type { HeldFit } from '../../ts/backends/wasm/family.js'
import { run } from '../../ts/backends/wasm/jobs.js'
import type { Phase } from '../../ts/backends/wasm/thread.js'

/** A run of three iterations, aborted in the middle of the nth phase of a name. */
function runAbortedIn(name: Phase, nth: number): ReturnType<typeof run> {
  const flags = new Int32Array(1)
  const seen: Phase[] = []
  const crew = {
    thread: { total: () => (flags[0] === 0 ? 8 : 1) },
    *phase(_id: number, _fit: unknown, phase: Phase) {
      seen.push(phase)
      if (phase === name && seen.filter(one => one === name).length === nth) flags[0] = 1
    },
  }
  const shared = { layout: { scheme: 'tiles', evenPush: false }, spec: { rule: 'mu' }, flags }
  const request = { kind: 'run', fit: 1, iterations: 3, remaining: Number.POSITIVE_INFINITY, joined: false } as const
  return run(crew as unknown as Crew, { id: 1, shared } as unknown as HeldFit, request, performance.now())
}

it.each([
  ['rows', 3],
  ['columns', 3],
  ['measure', 1],
] as const)('a run aborted in its phase %s does not tell the loss of some rows alone', (name, nth) => {
  const steps = runAbortedIn(name, nth)
  let step = steps.next()
  while (!step.done) step = steps.next()
  const { stopped, iterations, losses } = step.value
  expect(stopped).toBe('aborted')
  expect(losses).toHaveLength(iterations)
  expect([...losses].every(loss => loss === 8)).toBe(true)
})

it('a run to its end has the loss of the last iteration from a pass of its own', () => {
  const steps = runAbortedIn('gram', 1)
  let step = steps.next()
  while (!step.done) step = steps.next()
  expect(step.value).toMatchObject({ stopped: 'done', iterations: 3, losses: Float64Array.of(8, 8, 8) })
})
