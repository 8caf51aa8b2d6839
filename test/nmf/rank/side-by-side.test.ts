import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { sideBySide } from '../../../ts/nmf/rank/side-by-side.js'

const jobs = [0, 1, 2, 3, 4, 5, 6]

describe('jobs side by side', () => {
  it('are all done, in their order, never more at once than allowed and one in a lane', async () => {
    const begun: number[] = []
    const lanes = new Set<number>()
    let most = 0
    await sideBySide(jobs, 3, undefined, async (job, _, lane) => {
      begun.push(job)
      expect(lanes.has(lane)).toBe(false)
      lanes.add(lane)
      most = Math.max(most, lanes.size)
      await wait(job % 2 === 0 ? 4 : 1)
      lanes.delete(lane)
    })
    expect(begun).toEqual(jobs)
    expect(most).toBe(3)
  })

  it('end with the first that fails, once what had begun is over', async () => {
    const begun: number[] = []
    let over = 0
    const work = sideBySide(jobs, 2, undefined, async (job, signal) => {
      begun.push(job)
      if (job === 1) throw new Error('the first')
      await new Promise(resolve => signal.addEventListener('abort', resolve))
      over++
      throw new Error('a later one')
    })
    await expect(work).rejects.toThrow('the first')
    expect([begun, over]).toEqual([[0, 1], 1])
  })

  it('end with the abort of the caller', async () => {
    const cause = new Error('enough')
    await expect(sideBySide(jobs, 2, AbortSignal.abort(cause), async () => {})).rejects.toMatchObject({ cause })
    const controller = new AbortController()
    let begun = 0
    const work = sideBySide(jobs, 1, controller.signal, async () => {
      if (++begun === 3) controller.abort(cause)
    })
    await expect(work).rejects.toMatchObject({ code: 'ERR_NONNEG_ABORTED', cause })
    expect(begun).toBe(3)
  })
})
