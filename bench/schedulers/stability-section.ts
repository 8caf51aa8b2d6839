/** The section of docs/schedulers.md on how large a rate may be. */
export function stabilitySection(): string[] {
  return [
    '## The stability bound',
    '',
    'No scheduler above knows how large a rate the problem bears. Full-batch steps on a quadratic whose largest curvature is L',
    'converge below 2/L and diverge above it. GreedyLR takes such a bound as a function, which may change from step to step:',
    '`maxLr: () => 1.9 / L`.',
    '',
  ]
}
