import { adam } from './adam.js'
import { dAdaptAdam, dAdaptSgd } from './d-adaptation.js'
import { dog, ldog } from './dog.js'
import { idbd } from './idbd.js'
import type { Kind } from './kind.js'
import { sls } from './line-search.js'
import type { OptimizerKind } from './options.js'
import { sps } from './polyak.js'
import { prodigy } from './prodigy.js'
import { rprop } from './rprop.js'
import { scheduleFreeAdamW, scheduleFreeSgd } from './schedule-free.js'
import { momentum, nesterov, sgd } from './sgd.js'

/** Every kind of optimizer. `createOptimizer`, the documentation and the tests walk this table. */
export const KINDS: Readonly<Record<OptimizerKind, Kind>> = {
  sgd,
  momentum,
  nesterov,
  adam,
  rprop,
  idbd,
  sls,
  sps,
  'schedule-free-sgd': scheduleFreeSgd,
  'schedule-free-adamw': scheduleFreeAdamW,
  prodigy,
  dog,
  ldog,
  'd-adapt-sgd': dAdaptSgd,
  'd-adapt-adam': dAdaptAdam,
}
