import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SOLVER_NAMES, SOLVERS } from '../../ts/nmf/solvers.js'
import { Checkpoint, NMF } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { fitOf, holds, matrixOf, problems, WAYS } from './problems.js'

describe.each(WAYS)('on %s in %s', (backend, dtype) => {
  it.for(SOLVER_NAMES)('save, load and continue equals uninterrupted: %s', async (solver, context) => {
    await presentOrSkip(backend, context)
    const loss = SOLVERS[solver].suits?.(2) === false ? 1 : 2
    const cut = fc.integer({ min: 1, max: 11 })
    await holds(fc.tuple(problems(), cut), 8, async ([drawn, stop]) => {
      const options = { solver, loss, backend, dtype, ...(solver === 'online' && { batchRows: 3 }) }
      const whole = await fitOf(drawn, { ...options, maxIterations: 12 })
      const part = await fitOf(drawn, { ...options, maxIterations: stop })
      const resume = await Checkpoint.fromBytes(await part.checkpoint().toBytes())
      expect(resume.iteration).toBe(stop)
      const rest = await fitOf(drawn, { ...options, maxIterations: 12, resume })
      expect(rest.W).toEqual(whole.W)
      expect(rest.H).toEqual(whole.H)
      expect(rest.history.map(step => step.loss)).toEqual(whole.history.map(step => step.loss))
    })
  })

  it('models are the same after save and load', async context => {
    await presentOrSkip(backend, context)
    await holds(problems(), 8, async drawn => {
      const model = await new NMF({ rank: drawn.rank, backend, dtype, maxIterations: 5 }).fit(matrixOf(drawn))
      const loaded = await NMF.fromBytes(await model.toBytes())
      expect(loaded.components).toEqual(model.components)
      expect(await loaded.transform(matrixOf(drawn))).toEqual(await model.transform(matrixOf(drawn)))
    })
  })
})
