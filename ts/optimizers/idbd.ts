import { finite } from '../core/checks.js'
import { idbd_step } from '../kernels/idbd_step.js'
import type { Kind } from './kind.js'
import { boundScalars, ParameterRates } from './parameter-rates.js'
import { STEP_OPTIONS, share, stepScalars } from './scalars.js'

/**
 * Incremental delta-bar-delta. Sutton's trace decays by [1 − αᵢxᵢ²]⁺, with xᵢ the input of a linear unit; ours, for any loss of
 * which only the gradient is known, by a constant. With `trace` 0 it is the hypergradient of ln αᵢ for one step.
 */
export const idbd: Kind = {
  summary: 'a rate for every parameter, moved on a logarithmic scale',
  formula: [
    'ĝ = clamp(g, ±clip) + weightDecay·p',
    'ln αᵢ ← ln αᵢ + clamp(metaRate·ĝᵢ·uᵢ, ±2), αᵢ within rateBounds',
    'pᵢ ← pᵢ − clamp(αᵢ·ĝᵢ, ±limit)',
    'uᵢ ← trace·uᵢ + αᵢ·ĝᵢ',
  ],
  source: 'Sutton, AAAI 1992; the constant decay of the trace is ours',
  options: {
    learningRate: 1e-3,
    metaRate: 0.01,
    trace: 0.9,
    rateBounds: [0, Number.POSITIVE_INFINITY],
    ...STEP_OPTIONS,
  },
  make(setup) {
    const scalars = setup.each.map(options => ({
      ...stepScalars(options),
      metaRate: finite('metaRate', options.metaRate),
      trace: share('trace', options.trace),
      ...boundScalars(options),
    }))
    return new ParameterRates(setup, idbd_step, scalars)
  },
}
