import { inSlices } from '../core/breathe.js'
import { NonnegError } from '../core/errors.js'
import { type DenseView, denseView, packedEntries } from '../core/matrix.js'
import { decodeTensors, encodeTensors, type Tensor } from '../core/tensor-file.js'
import { checkKind } from './checkpoint.js'
import type { FactorizeOptions } from './options.js'
import type { OnlineState } from './partial-fit.js'

const KIND = 'nonneg model'
/** Raised when what is kept changes; files of other versions are refused. */
const VERSION = '1'

/** What a fitted model is made of. */
export interface Fitted {
  readonly options: FactorizeOptions
  /** rank × columns */
  readonly components: DenseView
  readonly online: OnlineState | undefined
}

/** Options that are plain words and numbers; the others belong to one run. */
const KEPT: readonly (keyof FactorizeOptions)[] = [
  'rank',
  'loss',
  'solver',
  'batchRows',
  'forgetFactor',
  'shuffle',
  'rounds',
  'ratio',
  'safe',
  'noise',
  'step',
  'starts',
  'startIterations',
  'alphaW',
  'alphaH',
  'l1Ratio',
  'maxW',
  'maxH',
  'maxIterations',
  'tolerance',
  'patience',
  'violationTolerance',
  'targetLoss',
  'timeBudgetMs',
  'seed',
  'backend',
  'fallback',
  'threads',
  'fast',
  'dtype',
  'storage',
  'onAbort',
]

/** One file: safetensors with a checksum; the components are its tensor `H`. */
export async function modelBytes({ options, components, online }: Fitted): Promise<Uint8Array<ArrayBuffer>> {
  const kept = Object.fromEntries(KEPT.flatMap(name => (options[name] === undefined ? [] : [[name, options[name]]])))
  if (typeof options.init === 'string') kept.init = options.init
  const { rows, columns } = components
  const like = (data: Tensor['data']): Tensor => ({ data, shape: [rows, columns] })
  const tensors: Record<string, Tensor> = {
    H: like(await inSlices(packedEntries(components))),
    ...(online ? { A: like(online.A), B: like(online.B) } : {}),
  }
  const scale: Record<string, string> = online ? { scale: String(online.k) } : {}
  const metadata = { kind: KIND, version: VERSION, options: JSON.stringify(kept), ...scale }
  return await inSlices(encodeTensors({ tensors, metadata }))
}

/** @throws NonnegError ERR_NONNEG_FORMAT where these are not the bytes of a model of this version, whole and unchanged */
export async function modelFrom(bytes: Uint8Array): Promise<Fitted> {
  const { tensors, metadata } = await inSlices(decodeTensors(bytes))
  checkKind(metadata, KIND, VERSION)
  const { H, A, B } = tensors
  const options = JSON.parse(metadata.options) as FactorizeOptions
  if (H?.shape.length !== 2 || H.shape[0] !== options.rank) {
    throw new NonnegError('ERR_NONNEG_FORMAT', 'the components of this model are not of its rank')
  }
  const online = A && B && { A: A.data, B: B.data, k: Number(metadata.scale) }
  return { options, components: denseView(H.data, H.shape[0], H.shape[1]), online }
}
