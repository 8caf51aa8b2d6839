import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { Random } from '../../core/random.js'
import { type Evidence, meanAndSpread } from './choice.js'
import { type Hash, type Sides, sidesUnder, weightsUnder } from './held-out.js'
import type { ResolvedRankOptions } from './options.js'
import { chooseByError } from './rules.js'
import { everyFit, fitOnce, lossOver, rowOf, type Series } from './series.js'

/** What one replicate holds out, and the weight of the entries on either side. */
interface Fold extends Sides {
  readonly hash: Hash
}

/**
 * One hash for each replicate, all from `seed`. They hold out single entries all over X (Wold, Technometrics 1978; Owen &
 * Perry, Annals of Applied Statistics 2009, set them beside blocks of rows and columns). What one holds out may meet that of
 * another: repeated random sub-sampling, not folds that share X out among them.
 */
export function hashesOf({ fit, method, replicates, holdout }: ResolvedRankOptions): readonly Hash[] {
  if (method === 'consensus') return []
  const random = new Random(fit.seed, 6)
  return Array.from({ length: replicates }, () => ({ fraction: holdout, seed: random.bits() }))
}

/** @throws NonnegError ERR_NONNEG_OPTION where a hash leaves nothing on either side */
async function foldsOf({ prepared, own, resolved }: Series, hashes: readonly Hash[]): Promise<readonly Fold[]> {
  const folds: Fold[] = []
  for (const hash of hashes) {
    const sides = await inSlices(sidesUnder(prepared.X, own, hash), resolved.signal)
    folds.push({ hash, ...sides })
    if (sides.observed > 0 && sides.heldOut > 0) continue
    const which = sides.heldOut === 0 ? 'no entry of X that counts is' : 'every entry of X that counts is'
    const message = `holdout is ${hash.fraction}: ${which} held out in replicate ${folds.length}`
    throw new NonnegError('ERR_NONNEG_OPTION', message, { detail: { option: 'holdout', value: hash.fraction } })
  }
  return folds
}

/** Fits what each fold leaves, and asks what the factors say of the rest. */
export async function byCrossValidation(
  series: Series,
  resolved: ResolvedRankOptions,
  hashes: readonly Hash[],
): Promise<Evidence> {
  const { prepared, own } = series
  const { ranks, fit, rule } = resolved
  const folds = await foldsOf(series, hashes)
  const fits = await everyFit(series, resolved, async (lane, rank, replicate, signal) => {
    const { hash, observed, heldOut } = folds[replicate]
    const shown = await inSlices(weightsUnder(prepared.X, own, hash, false), signal)
    const fitted = await fitOnce(lane, rank, fit.seed + replicate, shown, signal)
    const hidden = await inSlices(weightsUnder(prepared.X, own, hash, true), signal)
    const value = (await lossOver(lane, fitted, rank, hidden)) / heldOut
    if (!Number.isFinite(value)) {
      throw new NonnegError('ERR_NONNEG_BACKEND', `the error of what is held out became ${value} at rank ${rank}`)
    }
    return { value, training: fitted.loss / observed, outcome: fitted.outcome }
  })
  const table = ranks.map((rank, place) => {
    const training = meanAndSpread(fits[place].map(one => one.training)).mean
    return { ...rowOf(rank, fits[place]), training }
  })
  return {
    table,
    verdict: chooseByError(table, rule === 'minimum' ? rule : 'one-standard-error'),
    outcome: fits[0][0].outcome,
    samples: undefined,
  }
}
