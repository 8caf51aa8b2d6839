import { refuse } from '../core/checks.js'
import { rprop_step } from '../kernels/rprop_step.js'
import type { Kind } from './kind.js'
import type { OptimizerOptions } from './options.js'
import { boundScalars, ParameterRates } from './parameter-rates.js'
import { pair, STEP_OPTIONS, stepScalars } from './scalars.js'

function etaScalars({ etas }: OptimizerOptions): { readonly up: number; readonly down: number } {
  const [down, up] = pair('etas', etas)
  if (down >= 0 && down <= 1 && up >= 1 && up < Number.POSITIVE_INFINITY) return { up, down }
  throw refuse('etas', `${down}, ${up}`, 'a number from 0 to 1 and one from 1')
}

/** For gradients of the whole loss: those of batches change their signs by chance. */
export const rprop: Kind = {
  summary: 'steps by the signs of the gradient, a rate for every parameter',
  formula: [
    'ĝ = clamp(g, ±clip) + weightDecay·p',
    'αᵢ ← clamp(αᵢ·(η⁺ where ĝᵢ keeps its sign, η⁻ where it changes), rateBounds)',
    'pᵢ ← pᵢ − clamp(αᵢ·sign(ĝᵢ), ±limit)',
  ],
  source: 'Riedmiller & Braun 1993; without a way back: RPROP⁻ of Igel & Hüsken 2003',
  options: { learningRate: 0.1, etas: [0.5, 1.2], rateBounds: [1e-6, 50], ...STEP_OPTIONS },
  make(setup) {
    const scalars = setup.each.map(options => ({
      ...stepScalars(options),
      ...etaScalars(options),
      ...boundScalars(options),
    }))
    return new ParameterRates(setup, rprop_step, scalars)
  },
}
