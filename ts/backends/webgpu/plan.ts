import type { CsrView, MatrixView } from '../../core/matrix.js'
import type { Family } from '../../kernels/beta.js'
import type { Parts } from './product-calls.js'
import { type Shape, type ShapedKernel, type Shaping, shapeFor, threadsOf } from './shapes.js'

/** What a device allows, and how many threads keep it busy. */
export interface Room {
  /** Bytes that one binding may span; no buffer is made larger. */
  readonly bindingBytes: number
  /** Threads that a dispatch should have where the problem allows it. */
  readonly busyThreads: number
  /**
   * Whether threads are cheap and a load is a long wait, as on a GPU: kernels then have more threads, each with a short chain
   * of loads. A driver on the CPU has few cores, and a cache beside each.
   */
  readonly parallel: boolean
  /** Values of Gram parts that an update may read; above that, adding them up is worth a dispatch of its own. */
  readonly gramReads: number
  /** Bytes that fits may take of the device; ∞ where nobody says. */
  readonly memoryBytes: number
  /** Bytes of an array that holds what a tile of W·H contributes to a loss; more of X is worked through tile by tile. */
  readonly tileBytes: number
  /** Values of the models that a workgroup of coordinate descent holds in its own memory. */
  readonly modelValues: number
  /** Rank up to which products with W·H's terms are formed in the dispatch that forms these. */
  readonly fusedRank: number
  /** Threads that hand values to each other without a barrier, a power of 2; 1: none do. */
  readonly near: number
  /** How products may be dealt to threads; without: each thread for itself. */
  readonly shaping?: Shaping
}

/** A run of rows that fits one binding. */
export interface Panel {
  readonly first: number
  readonly count: number
}

/** Shortest sum worth a part of its own. */
const SHORTEST_PART = 64
const MOST_PARTS = 256
/** Bytes that parts of a product may take on the device. */
const PARTS_BYTES = 64 * 2 ** 20
/** A tile's work fills any GPU, and its arrays are little beside X; where memory is short they are smaller. */
export const TILE_BYTES: number = 64 * 2 ** 20
/** Rows looked at between two breathers. */
const PIECE = 1 << 16

/** Rows of four values, so that kernels may read them as vectors. */
export function padded(length: number): number {
  return Math.ceil(length / 4) * 4
}

/** Cuts a sum over `length` terms, into so many at most that its `tiles` threads become about `busyThreads`. */
export function partsOf(length: number, tiles: number, busyThreads: number, most: number = MOST_PARTS): Parts {
  const worth = Math.min(most, MOST_PARTS, Math.ceil(length / SHORTEST_PART))
  const wanted = Math.max(1, Math.min(worth, Math.floor(busyThreads / tiles)))
  const step = padded(Math.ceil(length / wanted))
  return { count: Math.ceil(length / step), step }
}

/** How a dense product is dealt to threads: which own its entries together, and how its sums are cut. */
export interface Deal {
  readonly shape: Shape
  readonly parts: Parts
}

/** @param most parts */
export function dealOf(
  kernel: ShapedKernel,
  { rows, ranks, terms }: { readonly rows: number; readonly ranks: number; readonly terms: number },
  { shaping, busyThreads }: Room,
  most?: number,
): Deal {
  const shape = shapeFor(kernel, rows, ranks, shaping)
  return { shape, parts: partsOf(terms, threadsOf(shape, rows, ranks), busyThreads, most) }
}

/** How many parts a product of so many bytes may be cut into. */
export function mostParts(bytes: number, { bindingBytes }: Pick<Room, 'bindingBytes'>): number {
  return Math.floor(Math.min(PARTS_BYTES, bindingBytes) / bytes)
}

/** Parts of a factor's column sums at most: a reader of these adds them for every entry. */
export const SUM_PARTS: number = 64

/** How the rows of a factor are cut for its column sums. */
export function sumPartsOf(rows: number): Parts {
  const step = Math.max(SHORTEST_PART, Math.ceil(rows / SUM_PARTS))
  return { count: Math.ceil(rows / step), step }
}

/**
 * Whether the parts of a Gram matrix should be added once, before mu_update reads them: each of its threads (4 × 4
 * entries of a factor with `consumerRows` rows) reads rank × 4 values of every part. On a GPU they always are: a thread would
 * wait for rank × parts loads, hundreds of cycles each, where a dispatch that adds the parts costs about 20 such waits.
 */
export function collapses(parts: number, consumerRows: number, rank: number, room: Room): boolean {
  return parts > 1 && (room.parallel || (consumerRows * rank * rank * parts) / 4 > room.gramReads)
}

/** So many rows of any factor are a multiple of the 256 bytes at which bindings may begin. */
export const ROWS_APART = 16

/** Panels of equal height, as few as the size allows; all but the last of a multiple of `unit` rows. */
export function densePanels(rows: number, rowBytes: number, bytes: number, unit = 1): Panel[] {
  const most = unit * Math.floor(bytes / (rowBytes * unit))
  const height = unit * Math.ceil(rows / Math.ceil(rows / most) / unit)
  const panels: Panel[] = []
  for (let first = 0; first < rows; first += height) panels.push({ first, count: Math.min(height, rows - first) })
  return panels
}

/** Cuts a run into as few runs as possible, each of `most` at most and none across the end of a panel of any of the lists. */
export function commonRuns(
  { first: start, count }: Panel,
  most: number,
  lists: readonly (readonly Panel[])[],
): Panel[] {
  const runs: Panel[] = []
  for (let first = start; first < start + count; ) {
    const ends = lists.map(panels => panelAt(panels, first)).map(panel => panel.first + panel.count)
    const end = Math.min(first + most, start + count, ...ends)
    runs.push({ first, count: end - first })
    first = end
  }
  return runs
}

/** The one of adjoining panels that a row is in. */
export function panelAt<T extends Panel>(panels: readonly T[], row: number): T {
  return panels.findLast(({ first }) => first <= row)!
}

/** Panels of whole rows whose entries and row starts fit a binding each. */
export function csrPanels(X: CsrView, bindingBytes: number): Panel[] {
  const most = Math.floor(bindingBytes / 4)
  const panels: Panel[] = []
  for (let first = 0; first < X.rows; ) {
    // the last row whose end still fits, by bisection: row starts ascend
    let low = first + 1
    let high = Math.min(X.rows, first + most - 1)
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (X.indptr[middle] - X.indptr[first] <= most) low = middle
      else high = middle - 1
    }
    panels.push({ first, count: low - first })
    first = low
  }
  return panels
}

/** What is known of a sparse matrix's rows. */
export interface Rows {
  readonly rows: number
  readonly entries: number
  /** Entries of the fullest one. */
  readonly longest: number
}

/** Entries of the fullest row. */
export function* longestRow(X: CsrView): Generator<void, number> {
  let longest = 0
  for (let i = 0; i < X.rows; i++) {
    longest = Math.max(longest, X.indptr[i + 1] - X.indptr[i])
    if (i % PIECE === PIECE - 1) yield
  }
  return longest
}

/**
 * Pieces that every row of a sparse product is cut into: more where there are few rows, and where one row is so much
 * longer than the others that its thread would run alone at the end.
 */
export function csrParts({ rows, entries, longest }: Rows, rank: number, room: Room): number {
  const mean = entries / rows
  const forThreads = Math.floor(room.busyThreads / ((rows * rank) / 4))
  const forBalance = Math.floor(longest / Math.max(512, 4 * mean))
  const most = Math.min(16, Math.ceil(longest / 32), mostParts(4 * rows * rank, room))
  return Math.max(1, Math.min(most, Math.max(forThreads, forBalance)))
}

/** Values that each entry of a sparse X leaves at most where a loss is formed at the entries: lists in one buffer. */
const LISTS = 3

/** Bytes that a list of a sparse panel may have. */
export function listBytesOf(family: Family, { bindingBytes }: Pick<Room, 'bindingBytes'>): number {
  return family === 'entries' ? bindingBytes / LISTS : bindingBytes
}

/** Why X does not fit this device, or undefined. */
export function misfit(X: MatrixView, rank: number, family: Family, room: Room): string | undefined {
  const { bindingBytes } = room
  const width = padded(rank)
  const names = 'the lesser of maxStorageBufferBindingSize and maxBufferSize'
  const limit = `${Math.floor(bindingBytes / 2 ** 20)} MiB, the most this GPU lets a kernel see at once (${names})`
  if (X.rows * width * 4 > bindingBytes) return `W (${X.rows} × ${rank} in f32) is larger than ${limit}`
  if (padded(X.columns) * width * 4 > bindingBytes) return `H (${rank} × ${X.columns} in f32) is larger than ${limit}`
  if (width * width * 4 > bindingBytes) return `the ${rank} × ${rank} Gram matrix is larger than ${limit}`
  if (X.kind === 'dense') {
    return padded(X.columns) * 4 > bindingBytes ? `one row of X is larger than ${limit}` : undefined
  }
  // a column's length is known only after the transposition, which is refused there
  const listBytes = listBytesOf(family, room)
  if (X.indptr[X.rows] * 4 <= listBytes) return undefined
  const rows = longestRow(X)
  let step = rows.next()
  while (!step.done) step = rows.next()
  const share = family === 'entries' ? `one of ${LISTS} parts of ` : ''
  return step.value * 4 > listBytes ? `one row of X has more entries than fit ${share}${limit}` : undefined
}
