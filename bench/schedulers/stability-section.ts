/** The section of docs/schedulers.md on how large a rate may be. */
export function stabilitySection(): string[] {
  return [
    '## The stability bound',
    '',
    'No scheduler above knows how large a rate the problem bears. Full-batch steps on a quadratic whose largest curvature is L',
    'converge below 2/L and diverge above it. For ½‖V − WH‖² and batches of b of the n columns, `stabilityBound(H, { batch: b })` is 2/𝓛 with',
    '𝓛 = (1 − κ)·L + κ·n·R², L = λmax(HHᵀ), R² the largest squared norm of a column, κ = (n − b)/(b·(n − 1)): rates below it that are chosen',
    'before the batch keep the error from growing in the mean. The theorems are ours; [stability.md](stability.md) has them with proofs,',
    'conditions and dearer, closer bounds.',
    '',
    "`factorize` with `solver: 'sgd'` takes rates as shares of that bound and cuts them to 0.95, whatever the scheduler says. GreedyLR takes a",
    'bound of its own as a function, which may change from step to step: `maxLr: () => 0.95 * stabilityBound(H)`.',
    '',
  ]
}
