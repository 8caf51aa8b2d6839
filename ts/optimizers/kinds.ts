import { adam } from './adam.js'
import { idbd } from './idbd.js'
import type { Kind } from './kind.js'
import type { OptimizerKind } from './options.js'
import { rprop } from './rprop.js'
import { momentum, nesterov, sgd } from './sgd.js'

/** Every kind of optimizer. `createOptimizer`, the documentation and the tests walk this table. */
export const KINDS: Readonly<Record<OptimizerKind, Kind>> = { sgd, momentum, nesterov, adam, rprop, idbd }
