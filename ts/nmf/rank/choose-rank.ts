import type { MatrixInput } from '../../core/input.js'
import type { RankChoice } from './choice.js'
import type { ChooseRankOptions } from './options.js'

/**
 * Chooses the rank of a factorisation of X (rows × columns) from a list, with the evidence for it.
 *
 * By cross-validation: each fit sees X but for entries that a hash holds out, and is judged by its loss over those. Nothing
 * of X's size is stored for that (beside the caller's own mask or weights). By consensus: fits from random starts are
 * judged by how well they agree on which rows belong together (Brunet et al., PNAS 2004; Kim & Park, Bioinformatics 2007).
 *
 * X is checked once and never written to; leave it alone until the promise settles. The same options give the same
 * evidence on the same backend, however many threads there are and fits run side by side.
 *
 * @throws NonnegError ERR_NONNEG_OPTION for options; what `factorize` throws for X, its mask and weights and from the
 * machine; ERR_NONNEG_ABORTED, whose cause is the signal's reason. All come as rejections, before any fit starts where
 * they can.
 */
export async function chooseRank(X: MatrixInput, options: ChooseRankOptions): Promise<RankChoice> {
  // loaded when it is wanted: most programs know their rank
  const { decideRank } = await import('./decide-rank.js')
  return await decideRank(X, options)
}
