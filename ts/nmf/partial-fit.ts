import type { Factors } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import { abortError, NonnegError } from '../core/errors.js'
import type { MatrixInput } from '../core/input.js'
import { type DenseView, denseView, type FloatArray, packedEntries } from '../core/matrix.js'
import { withDevice } from '../engine/devices.js'
import { chooseSpec } from '../engine/plan.js'
import { planOf } from './factorize.js'
import { constantFactor } from './init.js'
import type { ResolvedOptions } from './options.js'
import { prepare } from './prepare.js'
import { scaleFactor } from './scale.js'
import { startFactors } from './start.js'

/** What batches have left of H's numerators and denominators: rank × columns each, in the scale of X / 4ᵏ. */
export interface OnlineState {
  readonly A: FloatArray
  readonly B: FloatArray
  readonly k: number
}

/** What a batch makes of a model. */
export interface PartialFit {
  readonly components: DenseView
  readonly online: OnlineState
}

/** Updates of a batch's rows of W, from a constant, before H moves: scikit-learn's `fresh_restarts_max_iter`. */
const ROUNDS = 30

/**
 * One batch of rows that no fit has seen: W of these rows from a constant start for the components as they are, then one
 * online update of the components (ts/kernels/online_update.ts) with all of `forgetFactor`.
 * @param resolved options with the solver `'online'`
 * @throws as `factorize` does; ERR_NONNEG_SHAPE where X has other columns than the components
 */
export async function fitPartially(
  X: MatrixInput,
  resolved: ResolvedOptions,
  former: { readonly components: DenseView; readonly online: OnlineState | undefined } | undefined,
): Promise<PartialFit> {
  const { rank, dtype, signal } = resolved
  const prepared = await prepare(X, resolved, undefined, former?.online?.k)
  const { rows, columns, k, mean, squaredNorm, weights } = prepared
  if (former && former.components.columns !== columns) {
    const message = `X has ${columns} columns, the model was fitted to ${former.components.columns}`
    throw new NonnegError('ERR_NONNEG_SHAPE', message)
  }
  if (!former && mean === 0) {
    throw new NonnegError('ERR_NONNEG_ZERO', 'the first batch is all zeros: components that start at zero stay there', {
      fix: 'begin with a batch that has entries above zero',
    })
  }
  const candidates = prepared.candidates.map(({ name, spec }) => ({ name, spec: { ...spec, rounds: ROUNDS } }))
  const plan = await planOf(prepared, candidates, { ...resolved, maxIterations: ROUNDS })
  const W = constantFactor(rows, rank, Math.sqrt(mean / rank))
  const H = former
    ? await inSlices(scaleFactor(former.components, -k, dtype))
    : (await startFactors(prepared, resolved, plan, undefined)).H
  const problem = { X: prepared.X, squaredNorm, weights, W, H }
  const [{ id }] = plan.candidates
  const factors = await withDevice(id, plan, async device => {
    const chosen = chooseSpec(device, { X: prepared.X, weights, specs: candidates.map(({ spec }) => spec) })
    if ('reason' in chosen) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', chosen.reason)
    const fit = await device.createFit(problem, chosen.spec)
    try {
      const accumulated = former?.online
      if (accumulated) await fit.setFactors({ W: W.data, H: await inSlices(packedEntries(H)), accumulated })
      await fit.runBatches([{ first: 0, count: rows, keep: resolved.batches.forgetFactor }], { signal })
      if (signal?.aborted) throw abortError(signal)
      return await fit.factors()
    } finally {
      await fit[Symbol.asyncDispose]()
    }
  })
  return await stateOf(factors, rank, columns, k, dtype)
}

async function stateOf(
  { H, accumulated }: Factors,
  rank: number,
  columns: number,
  k: number,
  dtype: 'f32' | 'f64',
): Promise<PartialFit> {
  const components = await inSlices(scaleFactor(denseView(H, rank, columns), k, dtype))
  return { components, online: { ...accumulated!, k } }
}
