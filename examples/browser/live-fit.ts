import {
  type Checkpoint,
  type Factorization,
  type FactorizeOptions,
  factorize,
  type HistoryEntry,
  type MatrixView,
} from 'nonneg'

/** What a fit tells of while it runs. */
export interface Watcher {
  /**
   * After every iteration, with the seconds so far without the pauses for pictures. Where a backend has failed, iterations
   * come again from the first that is not kept.
   */
  onIteration(entry: HistoryEntry): void
  /** H now and then; components are its rows, up to their scale. */
  onComponents(H: Float32Array): void
  /** Wait for a frame after each iteration, so that it can be seen. */
  readonly slow: boolean
}

/** Between pictures of a fit that is not slowed down. */
const EVERY = 20
/** Frames stop coming to pages that nobody sees; the fit goes on. */
const LONGEST_FRAME_MS = 250

function nextFrame(): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, LONGEST_FRAME_MS)
    requestAnimationFrame(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** H from the file of a checkpoint, which is a safetensors file: a length, a header in JSON, the numbers. */
async function componentsOf(checkpoint: Checkpoint): Promise<Float32Array> {
  const { buffer } = await checkpoint.toBytes()
  const headerBytes = Number(new DataView(buffer).getBigUint64(0, true))
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerBytes)))
  const [begin, end] = header.H.data_offsets
  return new Float32Array(buffer.slice(8 + headerBytes + begin, 8 + headerBytes + end))
}

/** `factorize` with its components on the way. An abort brings the factors that there are. */
export async function liveFit(
  X: MatrixView,
  options: Omit<FactorizeOptions, 'onProgress' | 'onCheckpoint' | 'onAbort' | 'dtype'>,
  watcher: Watcher,
): Promise<Factorization> {
  let pausedMs = 0
  const slowly = watcher.slow
  return await factorize(X, {
    ...options,
    onAbort: 'return',
    onProgress: entry => watcher.onIteration({ ...entry, seconds: Math.max(0, entry.seconds - pausedMs / 1000) }),
    checkpointEvery: slowly ? 1 : EVERY,
    onCheckpoint: async checkpoint => {
      const start = performance.now()
      watcher.onComponents(await componentsOf(checkpoint))
      if (slowly) await nextFrame()
      pausedMs += performance.now() - start
    },
  })
}
