import type { Factors } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import { NonnegError } from '../core/errors.js'
import type { MatrixView } from '../core/matrix.js'
import { decodeTensors, encodeTensors, type Tensor } from '../core/tensor-file.js'
import type { PassState } from './passes.js'
import type { StepRates } from './rates.js'
import type { SolverName } from './solvers.js'

const KIND = 'nonneg checkpoint'
/** Raised when what is kept changes; files of other versions are refused. */
const VERSION = '1'

/** What the iterations so far have left, beside the factors. */
export interface Progressed {
  /** In the scale of the fit, as are the factors. */
  readonly losses: readonly number[]
  readonly violations: readonly number[]
  /** From the start of the first iteration to the end of each. */
  readonly seconds: readonly number[]
  /** `sgd`: of the last step of each iteration, as callers know them. */
  readonly rates: readonly StepRates[]
  /** `sgd`: where the schedulers are. */
  readonly passes: PassState | undefined
  readonly initialError: number | undefined
}

/** What a fit must have in common with the one that made a checkpoint, in words and numbers that compare as text. */
export type Identity = Readonly<Record<string, string | number>>

interface State extends Progressed {
  readonly solver: SolverName
  readonly identity: Identity
  readonly factors: Factors
  readonly rows: number
  readonly columns: number
  readonly rank: number
}

/** A fit on its way, from which another goes on: `factorize(X, { …options, resume })`. */
export class Checkpoint {
  readonly #state: State

  /** @internal */
  constructor(state: State) {
    this.#state = state
  }

  /** Iterations done. */
  get iteration(): number {
    return this.#state.losses.length
  }

  /** @internal */
  get state(): State {
    return this.#state
  }

  /** One file: safetensors, with a checksum. */
  async toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    const { solver, identity, factors, rows, columns, rank, losses, violations, seconds, initialError } = this.#state
    const { rates, passes } = this.#state
    const list = (values: readonly number[]): Tensor => ({ data: Float64Array.from(values), shape: [values.length] })
    const pair = ({ W, H }: Pick<Factors, 'W' | 'H'>, prefix: string): Record<string, Tensor> => ({
      [`${prefix}W`]: { data: W, shape: [rows, rank] },
      [`${prefix}H`]: { data: H, shape: [rank, columns] },
    })
    const { momentum, accumulated, gradient } = factors
    const tensors: Record<string, Tensor> = {
      losses: list(losses),
      violations: list(violations),
      seconds: list(seconds),
      initialError: list(initialError === undefined ? [] : [initialError]),
      ...pair(factors, ''),
      ...(momentum ? { ...pair(momentum, 'momentum.'), 'momentum.numbers': list(momentum.numbers) } : {}),
      ...(accumulated ? { A: { data: accumulated.A, shape: [rank, columns] } } : {}),
      ...(accumulated ? { B: { data: accumulated.B, shape: [rank, columns] } } : {}),
      ...(gradient ? { gradient: { data: gradient, shape: [rank, columns] } } : {}),
      ...(rates.length > 0
        ? { 'rates.W': list(rates.map(({ W }) => W)), 'rates.H': list(rates.map(({ H }) => H)) }
        : {}),
    }
    const words = { kind: KIND, version: VERSION, solver, identity: JSON.stringify(identity) }
    const metadata = passes ? { ...words, passes: JSON.stringify(passes) } : words
    return await inSlices(encodeTensors({ tensors, metadata }))
  }

  /** @throws NonnegError ERR_NONNEG_FORMAT where these are not the bytes of a checkpoint of this version, whole and unchanged */
  static async fromBytes(bytes: Uint8Array): Promise<Checkpoint> {
    const { tensors, metadata } = await inSlices(decodeTensors(bytes))
    checkKind(metadata, KIND, VERSION)
    const list = (name: string) => Array.from(tensors[name].data)
    const numbers = tensors['momentum.numbers'] && list('momentum.numbers')
    const momentum = numbers && { W: tensors['momentum.W'].data, H: tensors['momentum.H'].data, numbers }
    const { A, B } = tensors
    const accumulated = A && B && { A: A.data, B: B.data }
    const rates = tensors['rates.W'] && list('rates.H').map((H, i) => ({ W: tensors['rates.W'].data[i], H }))
    const [[rows, rank], [, columns]] = [tensors.W.shape, tensors.H.shape]
    return new Checkpoint({
      solver: metadata.solver as SolverName,
      identity: JSON.parse(metadata.identity) as Identity,
      factors: { W: tensors.W.data, H: tensors.H.data, momentum, accumulated, gradient: tensors.gradient?.data },
      ...{ rows, columns, rank },
      ...{ losses: list('losses'), violations: list('violations'), seconds: list('seconds') },
      rates: rates ?? [],
      passes: metadata.passes === undefined ? undefined : (JSON.parse(metadata.passes) as PassState),
      initialError: list('initialError').at(0),
    })
  }
}

/** @throws NonnegError ERR_NONNEG_FORMAT */
export function checkKind(metadata: Readonly<Record<string, string>>, kind: string, version: string): void {
  if (metadata.kind !== kind) {
    throw new NonnegError('ERR_NONNEG_FORMAT', `this file is a "${metadata.kind}", not a "${kind}"`)
  }
  if (metadata.version === version) return
  throw new NonnegError(
    'ERR_NONNEG_FORMAT',
    `this ${kind} has version ${metadata.version}; this build reads ${version}`,
  )
}

/**
 * What two fits must share for one to go on from the other: X, by its size, sum and squares, and the numbers of the spec.
 */
export function identityOf(
  X: MatrixView,
  { sum, squaredNorm }: { readonly sum: number; readonly squaredNorm: number },
  spec: object,
  k: number,
): Identity {
  const flat = Object.entries(spec).filter(([, value]) => value !== undefined)
  const words = flat.map(([name, value]) => [name, typeof value === 'number' ? value : JSON.stringify(value)] as const)
  return { kind: X.kind, rows: X.rows, columns: X.columns, sum, squaredNorm, scale: k, ...Object.fromEntries(words) }
}

/** @throws NonnegError ERR_NONNEG_OPTION with what differs */
export function checkIdentity(theirs: Identity, ours: Identity): void {
  const names = [...new Set([...Object.keys(theirs), ...Object.keys(ours)])]
  const different = names.filter(name => theirs[name] !== ours[name])
  if (different.length === 0) return
  const what = different.map(name => `${name} (${theirs[name]}, here ${ours[name]})`).join(', ')
  throw new NonnegError('ERR_NONNEG_OPTION', `resume: the checkpoint was made with other ${what}`, {
    detail: { option: 'resume', different },
    fix: 'give the same X and options as the fit that made it',
  })
}
