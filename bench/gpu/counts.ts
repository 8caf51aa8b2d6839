import type { Call, Operand } from '../../ts/backends/webgpu/calls.js'
import { beta_tile } from '../../ts/kernels/beta_tile.js'
import { beta_xht_csr } from '../../ts/kernels/beta_xht_csr.js'
import { beta_xht_dense } from '../../ts/kernels/beta_xht_dense.js'
import { gram } from '../../ts/kernels/gram.js'
import { hals_update } from '../../ts/kernels/hals_update.js'
import { mu_ratio } from '../../ts/kernels/mu_ratio.js'
import { mu_update } from '../../ts/kernels/mu_update.js'
import { pg_step } from '../../ts/kernels/pg_step.js'
import { xht_csr } from '../../ts/kernels/xht_csr.js'
import { xht_dense } from '../../ts/kernels/xht_dense.js'
import { xtw_dense } from '../../ts/kernels/xtw_dense.js'
import type { Work } from '../contestant.js'

/** A dispatch's flops from its integers, as its spec counts them. Kernels that are not here move data and add it up. */
const FLOPS: Readonly<Record<string, (params: readonly number[], call: Call) => number>> = {
  xht_dense: ([rows, columns, rank]) => xht_dense.flops({ rows, columns, rank }),
  xtw_dense([rows, columns, rank], { writes }) {
    // with WᵀW beside it where that is bound
    return xtw_dense.flops({ rows, columns, rank }) + (writes[1] ? gram.flops({ rows, rank }) : 0)
  },
  xht_csr: ([, rank], call) => xht_csr.flops({ rank, nonzeros: entriesOf(call) }),
  gram: ([rows, rank]) => gram.flops({ rows, rank }),
  mu_update: ([rows, rank]) => mu_update.flops({ rows, rank }),
  hals_update: ([rows, rank, , , , , rounds]) => rounds * hals_update.flops({ rows, rank }),
  pg_step: ([rows, rank]) => pg_step.flops({ rows, rank }),
  mu_ratio: ([rows, rank]) => mu_ratio.flops({ rows, rank }),
  beta_tile([rows, columns, rank], { writes: [Q, P, C, terms] }) {
    const { push, bend, measure } = { push: P ? 1 : 0, bend: C ? 1 : 0, measure: terms ? 1 : 0 }
    return beta_tile.flops({ rows, columns, rank, push, bend, measure }) - (Q ? 0 : rows * columns)
  },
  beta_xht_dense([rows, columns, rank], { writes: [, D, terms] }) {
    return beta_xht_dense.flops({ rows, columns, rank, push: D ? 1 : 0, measure: terms ? 1 : 0 })
  },
  // the shader forms the model at each entry and what it contributes; the products are dispatches of their own
  beta_xht_csr: ([, rank], call) => beta_xht_csr.flops({ nonzeros: entriesOf(call), rank, push: 0 }) / 2,
  dot: ([, abLength, , cdLength]) => 2 * (abLength + cdLength),
}

/** What a kernel writes in the place of what it reads: the places among its writes. */
const IN_PLACE: Readonly<Record<string, readonly number[]>> = {
  hals_update: [0],
  pg_step: [0],
  mu_ratio: [0],
  sum_parts: [0],
}

function bytesAt(operand: Operand | undefined): number {
  if (!operand) return 0
  const { buffer, offset = 0, size } = operand
  return size ?? ('memory' in buffer ? buffer.memory : buffer).size - offset
}

/** Listed entries of a sparse operand: its indices are the second binding. */
function entriesOf({ reads }: Call): number {
  return bytesAt(reads[1]) / 4
}

/** Kernels that read a tile of X and of its weights, which they bind whole: where these are among the reads, and their strides. */
const TILED: Readonly<Record<string, readonly (readonly [read: number, stride: number])[]>> = {
  beta_tile: [
    [2, 6],
    [3, 8],
  ],
  beta_xht_dense: [
    [2, 5],
    [3, 7],
  ],
}

/** Bytes of what a tile leaves aside of the arrays that it is a part of. */
function bytesBeside({ kernel, variant, params, reads }: Call): number {
  const all = TILED[kernel] ?? []
  return all.reduce((sum, [read, stride]) => {
    const bytes = read === 2 && variant?.HALF ? 2 : 4
    return sum + Math.max(0, bytesAt(reads[read]) - params[0] * params[stride] * bytes)
  }, 0)
}

/** What a dispatch does: flops of its spec, and each array that it binds once for each direction; of tiles the part they are. */
export function workOf(call: Call): Work {
  const { kernel, params, reads, writes } = call
  const sum = (operands: readonly (Operand | undefined)[]) =>
    operands.reduce((total, operand) => total + bytesAt(operand), 0)
  const twice = (IN_PLACE[kernel] ?? []).map(at => writes[at])
  const bytes = sum(reads) + sum(writes) + sum(twice) - bytesBeside(call)
  return { flops: FLOPS[kernel]?.(params, call) ?? 0, bytes }
}

export function totalOf(works: readonly Work[]): Work {
  return works.reduce((a, b) => ({ flops: a.flops + b.flops, bytes: a.bytes + b.bytes }), { flops: 0, bytes: 0 })
}
