import { adam_products } from './adam_products.js'
import { adam_step } from './adam_step.js'
import { axpby } from './axpby.js'
import { dual_average } from './dual_average.js'
import { gradient_products } from './gradient_products.js'
import { hypergradient_adam } from './hypergradient_adam.js'
import { hypergradient_momentum } from './hypergradient_momentum.js'
import { hypergradient_nesterov } from './hypergradient_nesterov.js'
import { idbd_step } from './idbd_step.js'
import { momentum_step } from './momentum_step.js'
import { nesterov_step } from './nesterov_step.js'
import { rprop_step } from './rprop_step.js'
import { sgd_step } from './sgd_step.js'
import type { VectorKernel } from './vector_kernel.js'

/** The kernels of the optimizers. */
export const vectorKernels: readonly VectorKernel[] = [
  axpby,
  gradient_products,
  adam_products,
  dual_average,
  sgd_step,
  momentum_step,
  nesterov_step,
  adam_step,
  hypergradient_momentum,
  hypergradient_nesterov,
  hypergradient_adam,
  rprop_step,
  idbd_step,
]
