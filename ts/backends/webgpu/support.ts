import { entryCount, type MatrixView } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import { type FitSpec, gramRuleRefusal, type Rule, type Weights } from '../backend.js'
import { type Memory, residentBytes } from '../memory.js'
import { bppBytes } from './bpp-calls.js'
import { SLOT } from './family.js'
import { HALF } from './features.js'
import { flagBytes } from './holds.js'
import { padded, TILE_BYTES } from './plan.js'
import { SLOTS } from './slots.js'

const RULES: readonly Rule[] = ['mu', 'hals', 'pg', 'bpp', 'product', 'sgd', 'svrmu']

/** Rules that move a row of a factor by its own entries of X, where products of factors do not do. */
export const BY_ROWS: readonly Rule[] = ['hals', 'bpp']

/** Components of exact least squares: a row is one thread's work, which grows with their cube, and sets of them are 64 bits. */
const MOST_PIVOTED = 64
const PIVOTING: readonly string[] = ['bpp_update', 'bpp_dense', 'bpp_csr']

/** WGSL has no f64. */
const F32_ALONE = "WebGPU computes in f32 only, as its shaders have no f64: give dtype: 'f32', or another backend"

/** Why a fit is beyond the kernels there are, or undefined. */
export function fitRefusal(
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  features: ReadonlySet<string>,
): string | undefined {
  const { dtype, rank, beta, rule } = spec
  if (dtype !== 'f32') return F32_ALONE
  if (!RULES.includes(rule)) return `WebGPU has no kernels for the update rule ${rule}`
  if (spec.storage === 'f16') {
    if (!features.has(HALF))
      return `this GPU device has no ${HALF}, which storage: 'f16' takes; one of your own must be requested with it`
    if (X.kind === 'csr') return "storage: 'f16' is for a dense X"
    if (beta <= 0) return "storage: 'f16' may make zeros of small entries, which β ≤ 0 does not allow"
  }
  const refusal = gramRuleRefusal(spec, weights)
  if (refusal) return refusal
  if (rule === 'bpp' && rank > MOST_PIVOTED) return tooManyPivoted(rank)
  if (X.kind === 'dense' && weights?.kind === 'entries') return 'a dense matrix lists no entries to weigh'
  return undefined
}

function tooManyPivoted(rank: number): string {
  return `WebGPU has block principal pivoting for up to ${MOST_PIVOTED} components, not for rank ${rank}: take less, or another backend`
}

/** Why a call of a kernel that there is cannot be made, or undefined. */
export function callRefusal(
  spec: KernelSpec,
  dims: Dims,
  dtype: 'f32' | 'f64' = 'f32',
  bindingBytes: number,
): string | undefined {
  if (dtype !== 'f32') return F32_ALONE
  if (PIVOTING.includes(spec.name) && dims.rank > MOST_PIVOTED) return tooManyPivoted(dims.rank)
  if (spec.name === 'cd_csr' && dims.weighted && dims.zeros)
    return 'weights and zeros that count share a binding of cd_csr'
  const large = spec.buffers.find(buffer => buffer.length(dims) * 4 > bindingBytes)
  return large && `${large.name} is larger than the ${bindingBytes} bytes that one binding may span`
}

/** Bindings that are no narrower than what is wanted. */
const ANY = { bindingBytes: Number.POSITIVE_INFINITY }

/** Bytes that parts of each product may take. */
const PARTS = 64 * 2 ** 20
/** Outcomes of iterations, the buffer that they are read back through, and the parameters of a few hundred dispatches. */
const ALWAYS = 2 * SLOTS * SLOT.bytes + 2 ** 16

/**
 * Arrays of the size of what is worked on at a time, where products are not formed by Gram matrices: of a value for each entry
 * of a tile of X, or of a panel of a sparse X.
 */
export function arraysOf(X: MatrixView, spec: FitSpec, weights: Weights | undefined): number {
  const family = familyOf(X, spec.beta, weights)
  if (family === 'gram') return 0
  // batches have a tile, or lists, of their own
  const often = spec.batches ? 2 : 1
  if (family === 'entries') return often * 3
  // what 4 × 4 entries leave of a loss, and a sparse X spread out
  const model = 1 / 16 + Number(X.kind === 'csr')
  // rows that move by their own entries have strips of X and of weights, coordinate descent models of strips too, beside what
  // measures the loss
  if (BY_ROWS.includes(spec.rule)) return model + 1 + Number(spec.rule === 'hals') + Number(weights?.kind === 'dense')
  const pushes = spec.beta !== 1 || weights !== undefined
  return often * (model + 1 + Number(pushes) + Number(spec.rule === 'pg'))
}

/** Bytes of each of these arrays where all of X is worked on at once. */
export function mostAtATime(X: MatrixView, { beta }: FitSpec, weights: Weights | undefined): number {
  const family = familyOf(X, beta, weights)
  return family === 'gram' ? 0 : family === 'entries' ? 4 * entryCount(X) : 4 * X.rows * padded(X.columns)
}

/**
 * What a fit holds where all of X stays: the factors twice, as an update may read one copy and write the other, what
 * extrapolation keeps beside them, their products, parts of these, and arrays of `atATime` bytes each (see `arraysOf`).
 */
export function memoryOfFit(
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  atATime: number = Math.min(
    mostAtATime(X, spec, weights),
    familyOf(X, spec.beta, weights) === 'tile' ? TILE_BYTES : Number.POSITIVE_INFINITY,
  ),
): Memory {
  // which rows stay is not a list here
  const free = { ...spec, frozenW: undefined, frozenH: undefined }
  const resident = residentBytes(X, free, weights, 4, 4)
  const { factors: single } = residentBytes(X, { ...free, extrapolate: false }, undefined, 4, 4)
  const products = Math.min(2 * single + 2 * PARTS, 16 * single)
  const X16 = X.kind === 'dense' && spec.storage === 'f16' ? resident.X / 2 : resident.X
  const arrays = atATime === 0 ? 0 : arraysOf(X, spec, weights) * atATime
  const rows = Math.max(X.rows, X.columns)
  const pivoting = spec.rule === 'bpp' ? bppBytes(rows, padded(spec.rank), ANY, true) : 0
  const workspace = (spec.batches ? 2 : 1) * products + arrays + pivoting + ALWAYS
  return { ...resident, X: X16, factors: resident.factors + single + flagBytes(spec, X.rows, X.columns), workspace }
}
