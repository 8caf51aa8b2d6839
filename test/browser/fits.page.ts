// Runs in the browser: the fits that the test has put beside the page, by the package as programs load it.
import { type BackendId, type FactorizeOptions, factorize, NonnegError, probeBackends } from 'nonneg'

/** X and the factors to start from. Numbers are those of float32, which JSON keeps as they are. */
export interface Given {
  readonly rows: number
  readonly columns: number
  readonly X: readonly number[]
  readonly W: readonly number[]
  readonly H: readonly number[]
}

export interface Asked {
  readonly name: string
  readonly given: Given
  readonly backends: readonly BackendId[]
  readonly options: FactorizeOptions
}

export interface Seen {
  readonly name: string
  readonly backend: BackendId
  readonly loss: number
  readonly W: readonly number[]
  readonly H: readonly number[]
}

export interface FitsResult {
  readonly isolated: boolean
  /** Of the backend that asks for it, as it reports it. */
  readonly sharedMemory: unknown
  readonly fits: readonly Seen[]
  /** Backend, name and the error's code of each fit that was refused. */
  readonly refused: readonly string[]
}

/** The file of the fits that a page is to run. */
export function listFor(isolated: boolean): string {
  return isolated ? 'isolated.json' : 'plain.json'
}

/** Runs a fit; what refuses it is named in `refused`. */
export async function seenOf(asked: Asked, backend: BackendId, refused: string[]): Promise<Seen[]> {
  const { name, given, options } = asked
  const { rows, columns, X, W, H } = given
  const { rank } = options
  const init = {
    W: { data: Float32Array.from(W), rows, columns: rank },
    H: { data: Float32Array.from(H), rows: rank, columns },
  }
  try {
    const fit = await factorize({ data: Float32Array.from(X), rows, columns }, { ...options, init, backend })
    return [{ name, backend: fit.backend, loss: fit.loss, W: [...fit.W.data], H: [...fit.H.data] }]
  } catch (error) {
    if (!(error instanceof NonnegError)) throw error
    refused.push(`${backend} ${name}: ${error.code}`)
    return []
  }
}

/** Keeps the first thread of WASM busy for long enough that the second one comes, for all fits that follow. */
async function wakeThreads(): Promise<void> {
  const [rows, columns] = [1000, 200]
  const X = { data: new Float32Array(rows * columns).map((_, at) => 1 + (at % 7)), rows, columns }
  const options = { rank: 8, backend: 'wasm', threads: 2, solver: 'mu', init: 'random', tolerance: 0 } as const
  await factorize(X, { ...options, maxIterations: 1_000_000, timeBudgetMs: 300 })
}

/** What the page does: the backends one after the other, for the workers of one to have the cores. */
export async function work(): Promise<FitsResult> {
  const list: readonly Asked[] = await (await fetch(listFor(globalThis.crossOriginIsolated))).json()
  const fits: Seen[] = []
  const refused: string[] = []
  await wakeThreads()
  for (const backend of ['wasm', 'webgpu'] as const) {
    for (const asked of list)
      if (asked.backends.includes(backend)) fits.push(...(await seenOf(asked, backend, refused)))
  }
  const wasm = (await probeBackends()).find(({ id }) => id === 'wasm')
  return { isolated: globalThis.crossOriginIsolated, sharedMemory: wasm?.info.sharedMemory, fits, refused }
}
