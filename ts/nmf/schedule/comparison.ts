import type { BackendId } from '../../backends/backend.js'
import type { Budget, Contest } from './protocol.js'
import type { Standing } from './standing.js'

/** How schedulers did against each other on one matrix. */
export interface Comparison extends Contest {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly budget: Budget
  /** From the lowest final loss to the highest. */
  readonly standings: readonly Standing[]
  /** Rows of a batch. */
  readonly batchRows: number
  /** Standard deviation of what is added to the entries of each gradient. */
  readonly noise: number
  /** Whether the rates were shares of the bounds on the curvature, and kept below them. */
  readonly safe: boolean
  readonly backend: BackendId
  readonly emulated: boolean
  readonly threads: number
  /** Of everything, from the call on. */
  readonly seconds: number
}
