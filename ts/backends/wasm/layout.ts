/**
 * Where one fit keeps what in wasm memory, and how its work is cut into lanes. The cuts depend on the shape alone, never
 * on the number of threads: every lane sums in its own order, and lanes are added up in theirs, so that the bits of a
 * fit are the same on any machine.
 */

/** More lanes than this would cost more to add up than they gain; so no more threads are of use either. */
export const MAX_LANES = 32
/** A phase below this many operations (about 50 µs) is not worth waking a thread for. */
const PARALLEL_FLOPS = 2e6
/** Rows that the kernel of XᵀW sums in registers; panels and lanes are multiples of it. */
const BLOCK = 48
/** Size of the part of X that is worked on at once, in bytes: about half a second-level cache. */
const PART = 768 << 10
/** The widest matrix whose panels of 48 rows are used whole. */
const WIDEST_PANEL = 8 << 20
const LANES_LIMIT = 256 << 20
/** Entries of CSR rows, and rows, that are worked on at once. */
const CSR_ENTRIES = 1 << 16
const CSR_ROWS = 1024

/**
 * - panels: dense X, read once an iteration; every lane of rows has an accumulator for XᵀW of its own.
 * - tiles: dense X that is too wide or too short for that; read twice, by rows for X·Hᵀ and by columns for XᵀW.
 * - csr: both products gather, by the rows of X and by the rows of its transpose.
 */
export type Scheme = 'panels' | 'tiles' | 'csr'

export interface Shape {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  /** The CSR row pointers of X and of its transpose; absent for dense X. */
  readonly indptr?: readonly [byRow: Uint32Array, byColumn: Uint32Array]
}

/** Addresses and strides are in bytes, all else in elements. Factors have a padded rank and are zero in the padding. */
export interface Layout {
  readonly scheme: Scheme
  readonly rows: number
  readonly columns: number
  readonly rank: number
  /** The rank as stored, a multiple of 8, and the same in bytes: the stride of W, Ht, A and N. */
  readonly paddedRank: number
  readonly stride: number
  /** Dense: rows and columns as stored, multiples of 4. CSR: as they are. */
  readonly paddedRows: number
  readonly paddedColumns: number
  /** Dense: rows and columns of X that are worked on at once, by rows and by columns. CSR: rows and entries. */
  readonly part: Part
  /** Lane l of a phase over rows has the rows rowBounds[l] to rowBounds[l + 1]; of one over columns likewise. */
  readonly rowBounds: Uint32Array
  readonly columnBounds: Uint32Array
  readonly bytes: number
  readonly W: number
  readonly Ht: number
  /** H as rank × columns; 0 for CSR. */
  readonly H: number
  readonly hStride: number
  readonly G: number
  readonly S: number
  /** Accumulators, one of each a lane: XᵀW (panels only), WᵀW, HHᵀ, and an f64 for inner products. */
  readonly laneA: number
  readonly laneS: number
  readonly laneG: number
  readonly dots: number
  /** Buffers of thread t lie `t * threadBytes` further on: a part of X, products (N or A), scratch of mu_update. */
  readonly threads: number
  readonly threadBytes: number
  readonly x: number
  readonly n: number
  readonly scratch: number
}

export interface Part {
  readonly rows: number
  readonly columns: number
  readonly transposedRows: number
  readonly transposedColumns: number
  readonly entries: number
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}

/** Floats from one row to the next; rows exactly some 4096 bytes apart would fall into the same few sets of the cache. */
export function paddedStride(columns: number): number {
  return columns % 1024 === 0 ? columns + 16 : columns
}

function evenBounds(count: number, unit: number, lanes: number): Uint32Array {
  const blocks = Math.ceil(count / unit)
  return Uint32Array.from({ length: lanes + 1 }, (_, lane) =>
    Math.min(count, Math.floor((lane * blocks) / lanes) * unit),
  )
}

/** Bounds that give each lane about as many entries and rows (a row weighs `rank` entries) as any other. */
function csrBounds(indptr: Uint32Array, rank: number, lanes: number): Uint32Array {
  const rows = indptr.length - 1
  const total = indptr[rows] + rows * rank
  return Uint32Array.from({ length: lanes + 1 }, (_, lane) => {
    let low = 0
    for (let high = rows; low < high; ) {
      const middle = Math.floor((low + high) / 2)
      if (indptr[middle] + middle * rank < (total * lane) / lanes) low = middle + 1
      else high = middle
    }
    return low
  })
}

/** Lanes for a phase of so many operations, at least half a million each; one where threads would not help. */
function lanesFor(flops: number, most: number): number {
  if (flops < PARALLEL_FLOPS) return 1
  return Math.max(1, Math.min(MAX_LANES, Math.floor(flops / 5e5), most))
}

function panelLanes(rows: number, flops: number): number {
  const blocks = Math.ceil(rows / BLOCK)
  const wanted = blocks < 64 ? Math.min(8, blocks >> 1) : blocks < 256 ? 16 : MAX_LANES
  return lanesFor(flops, wanted)
}

type Cuts = Pick<Layout, 'scheme' | 'part' | 'rowBounds' | 'columnBounds'>

function denseCuts(rows: number, columns: number, paddedRank: number): Cuts {
  const xStride = paddedStride(columns)
  const columnFlops = columns * paddedRank * 4 * (paddedRank + 4)
  const columnBounds = evenBounds(columns, 64, lanesFor(columnFlops, Math.ceil(columns / 64)))
  const flops = 4 * rows * columns * paddedRank
  const lanes = panelLanes(rows, flops)
  const accumulators = lanes * columns * paddedRank * 4
  const few = flops >= PARALLEL_FLOPS && lanes < 4
  if (!few && accumulators <= LANES_LIMIT && BLOCK * xStride * 4 <= WIDEST_PANEL) {
    const fitting = Math.floor(PART / (4 * (xStride + 2 * paddedRank) * BLOCK))
    const part = { rows: Math.min(rows, BLOCK * Math.max(1, fitting)), columns }
    return {
      scheme: 'panels',
      part: { ...part, transposedRows: 0, transposedColumns: 256, entries: 0 },
      rowBounds: evenBounds(rows, BLOCK, lanes),
      columnBounds,
    }
  }
  const unit = Math.min(BLOCK, Math.max(16, roundUp(Math.ceil(rows / 8), 4)))
  const rowsOf = (width: number) =>
    Math.min(rows, BLOCK * Math.max(1, Math.floor(PART / (4 * BLOCK * paddedStride(width)))))
  const width = Math.min(columns, 4096)
  const transposedWidth = Math.min(columns, 1024)
  return {
    scheme: 'tiles',
    part: {
      rows: rowsOf(width),
      columns: width,
      transposedRows: rowsOf(transposedWidth),
      transposedColumns: transposedWidth,
      entries: 0,
    },
    rowBounds: evenBounds(rows, unit, lanesFor(flops / 2, Math.ceil(rows / unit))),
    columnBounds,
  }
}

function csrCuts(shape: Shape, indptr: NonNullable<Shape['indptr']>, paddedRank: number): Cuts {
  const [byRow, byColumn] = indptr
  const nonzeros = byRow[shape.rows]
  const lanes = (rows: number) => lanesFor(2 * paddedRank * (nonzeros + 2 * rows * paddedRank), rows)
  return {
    scheme: 'csr',
    part: {
      rows: Math.min(CSR_ROWS, Math.max(shape.rows, shape.columns)),
      columns: 0,
      transposedRows: 0,
      transposedColumns: 0,
      entries: Math.min(CSR_ENTRIES, nonzeros),
    },
    rowBounds: csrBounds(byRow, paddedRank, lanes(shape.rows)),
    columnBounds: csrBounds(byColumn, paddedRank, lanes(shape.columns)),
  }
}

/** The layout of a fit whose memory starts at `base`; `bytes` does not depend on `base`. */
export function layoutOf(shape: Shape, maxThreads: number, base: number): Layout {
  const { rows, columns, rank, indptr } = shape
  const paddedRank = roundUp(rank, 8)
  const stride = paddedRank * 4
  const paddedRows = indptr ? rows : roundUp(rows, 4)
  const paddedColumns = indptr ? columns : roundUp(columns, 4)
  const cuts = indptr ? csrCuts(shape, indptr, paddedRank) : denseCuts(paddedRows, paddedColumns, paddedRank)
  const { scheme, part } = cuts
  const rowLanes = cuts.rowBounds.length - 1
  const columnLanes = cuts.columnBounds.length - 1
  const lanes = Math.max(rowLanes, columnLanes)
  const threads = Math.min(maxThreads, lanes)

  let end = base
  const take = (bytes: number) => {
    const address = end
    end += roundUp(bytes, 64)
    return address
  }
  const square = paddedRank * stride
  const hStride = scheme === 'csr' ? 0 : paddedStride(paddedColumns) * 4
  const addresses = {
    W: take(paddedRows * stride),
    Ht: take(paddedColumns * stride),
    H: hStride === 0 ? 0 : take(paddedRank * hStride),
    G: take(square),
    S: take(square),
    laneA: scheme === 'panels' ? take(rowLanes * paddedColumns * stride) : 0,
    laneS: take(rowLanes * square),
    laneG: take(columnLanes * square),
    dots: take(lanes * 8),
  }
  const start = end
  const x = take(partBytes(scheme, part))
  const n = take(Math.max(part.rows, scheme === 'tiles' ? part.transposedColumns : 0) * stride)
  const scratch = take(16 * paddedRank)
  const threadBytes = end - start
  return {
    ...cuts,
    ...addresses,
    ...{ rows, columns, rank, paddedRank, stride, paddedRows, paddedColumns, hStride },
    ...{ threads, threadBytes, x, n, scratch },
    bytes: start - base + threads * threadBytes,
  }
}

function partBytes(scheme: Scheme, part: Part): number {
  if (scheme === 'csr') return 4 * (part.rows + 1) + 8 * part.entries
  const floats = part.rows * paddedStride(part.columns)
  if (scheme === 'panels') return 4 * floats
  return 4 * Math.max(floats, part.transposedRows * paddedStride(part.transposedColumns))
}
