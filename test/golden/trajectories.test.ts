import { describe, expect, it } from 'vitest'
import { factorize } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { dense, type GoldenRun, golden, matrixOf, WAYS } from './files.js'

/** How far a loss may be from scikit-learn's, relative to it. */
const OFF = { f32: 1e-5, f64: 1e-10 } as const

/** Roundings of an update in float32, in units of the one by which scikit-learn's own factors were shaken. */
const SWAY = 4

const { counts, problems } = golden('trajectories')

const nameOf = ({ solver, beta, alphaW, alphaH, l1Ratio }: GoldenRun) =>
  `${solver}, β = ${beta}, ${alphaW || alphaH ? `penalties ${alphaW}, ${alphaH}, l1Ratio ${l1Ratio}` : 'no penalties'}`

describe.each(WAYS)('scikit-learn’s trajectory on %s in %s', (backend, dtype) => {
  const cases = problems.flatMap(problem => problem.runs.map(run => [problem.name, nameOf(run), problem, run] as const))

  it.for(cases)('%s: %s', async ([, , problem, run], context) => {
    await presentOrSkip(backend, context)
    const { rows, columns, rank } = problem
    const { solver, beta, alphaW, alphaH, l1Ratio } = run
    const fit = await factorize(matrixOf(problem), {
      rank,
      init: { W: dense(problem.W, rows, rank), H: dense(problem.H, rank, columns) },
      solver,
      loss: beta,
      alphaW,
      alphaH,
      l1Ratio,
      maxIterations: counts.at(-1),
      tolerance: 0,
      backend,
      dtype,
    })
    expect(fit.history).toHaveLength(counts.at(-1)!)
    const own = counts.map(count => fit.history[count - 1].loss)
    // below β = 1 scikit-learn cuts entries off where they still count, and ours keep them; and where a fit leaves a saddle it
    // multiplies what float32 rounds, in scikit-learn as here
    const allowed = run.cuts.map((cut, n) => cut + (dtype === 'f32' ? SWAY * run.sways[n] : 0))
    const off = own.map((loss, n) => Math.max(0, Math.abs(loss - run.losses[n]) - allowed[n]) / run.losses[n])
    // an entry that float32 kept from sinking further has less far to rise: it rises sooner, and the loss falls sooner
    const returned =
      dtype === 'f32' && solver === 'mu' ? (run.returned ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
    const comparable = off.filter((_, n) => counts[n] < returned)
    expect(Math.max(...comparable), `losses ${own}, not ${run.losses}`).toBeLessThanOrEqual(OFF[dtype])
    expect(fit.loss).toBe(own.at(-1))
  })
})
