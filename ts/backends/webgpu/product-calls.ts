import { type Call, fourfold, grid, input, type Operand, tiles } from './calls.js'

/** A sum over `length` terms, cut into `count` parts of `step` terms each (the last may be shorter). */
export interface Parts {
  readonly count: number
  readonly step: number
}

export const ONE_PART: Parts = { count: 1, step: 0xffff_fffc }

/** Sizes of a product with Hᵀ beside the rows. */
export interface ProductSizes {
  readonly columns: number
  readonly rank: number
  readonly stride: number
  /** Of N. */
  readonly firstRow: number
  readonly parts: Parts
  /** Entries of one part of N. */
  readonly partLength: number
}

/** Those of a product of rows of a factor with a matrix of the rank. */
export function square(rank: number): ProductSizes {
  return { columns: rank, rank, stride: rank, firstRow: 0, parts: ONE_PART, partLength: 0 }
}

export function xhtDense(
  o: ProductSizes & {
    rows: number
    /** Where the panel begins in X; default 0. */
    firstX?: number
    X: Operand | undefined
    /** Whether X is in half precision; default false. */
    half?: boolean
    Ht: Operand | undefined
    N: Operand
  },
): Call {
  const { firstX = 0, half = false } = o
  const aligned = fourfold(o.columns, o.stride, o.rank, firstX)
  return {
    kernel: 'xht_dense',
    variant: { ALIGNED: aligned, HALF: half },
    params: [o.rows, o.columns, o.rank, o.stride, o.firstRow, o.parts.step, o.partLength, firstX],
    reads: [...input(aligned, o.X), ...input(aligned, o.Ht)],
    writes: [o.N],
    groups: grid(tiles(o.rows) * tiles(o.rank), o.parts.count),
  }
}

export function xtwDense(o: {
  rows: number
  columns: number
  rank: number
  stride: number
  firstRow: number
  parts: Parts
  accumulate: boolean
  /** Where the panel begins in X; default 0. */
  firstX?: number
  X: Operand | undefined
  /** Whether X is in half precision; default false. */
  half?: boolean
  W: Operand | undefined
  A: Operand
  /** WᵀW beside A, in as many parts. */
  S: Operand | undefined
}): Call {
  const { rows, columns, rank, stride, firstRow, parts, firstX = 0, half = false } = o
  const aligned = fourfold(columns, stride, rank, firstX)
  const gramTiles = o.S ? tiles(o.rank) : 0
  const cut = [firstRow, parts.step, columns * rank, gramTiles, Number(o.accumulate)]
  return {
    kernel: 'xtw_dense',
    variant: { ALIGNED: aligned, HALF: half },
    params: [rows, columns, rank, stride, ...cut, firstX],
    reads: [...input(aligned, o.X), ...input(aligned, o.W)],
    writes: [o.A, o.S],
    groups: grid((tiles(columns) + gramTiles) * tiles(rank), parts.count),
  }
}

/** Rows of a sparse matrix that are looked at, from this one of indptr on, and of their entries those of some indices. */
export interface Looked {
  readonly first: number
  /** Default: all. */
  readonly indices?: { readonly low: number; readonly high: number }
}

/** The last words of the kernels that walk sparse rows. */
export function lookedWords({ first, indices }: Looked = { first: 0 }): number[] {
  return [first, indices?.low ?? 0, indices?.high ?? 0]
}

export function xhtCsr(o: {
  rows: number
  rank: number
  firstRow: number
  parts: number
  partLength: number
  accumulate?: boolean
  /** Default: all that there are. */
  looked?: Looked
  indptr: Operand
  indices: Operand | undefined
  values: Operand | undefined
  Ht: Operand | undefined
  N: Operand
}): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'xht_csr',
    variant: { ALIGNED: aligned, RANGED: o.looked?.indices !== undefined },
    params: [
      o.rows,
      o.rank,
      o.firstRow,
      o.parts,
      o.partLength,
      Number(o.accumulate ?? false),
      ...lookedWords(o.looked),
    ],
    reads: [o.indptr, o.indices, o.values, ...input(aligned, o.Ht)],
    writes: [o.N],
    groups: grid(o.rows * tiles(o.rank), o.parts),
  }
}

export function gramOf(o: {
  rows: number
  rank: number
  parts: Parts
  accumulate: boolean
  /** Of F; default 0. */
  firstRow?: number
  F: Operand | undefined
  G: Operand
}): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'gram',
    variant: { ALIGNED: aligned },
    params: [o.rows, o.rank, o.parts.step, Number(o.accumulate), o.firstRow ?? 0],
    reads: input(aligned, o.F),
    writes: [o.G],
    groups: grid(tiles(o.rank) ** 2, o.parts.count),
  }
}

/** One factor of an inner product, its parts one after the other. */
export interface Vector {
  readonly operand: Operand | undefined
  readonly parts: number
}

/** ⟨a, b⟩ in `abGroups` partial sums and ⟨c, d⟩ in `cdGroups` more. */
export function dotOf(o: {
  abGroups: number
  cdGroups: number
  abLength: number
  cdLength: number
  a: Vector
  b: Operand | undefined
  /** Where b begins; default 0. */
  firstB?: number
  c: Vector
  d: Vector
  partials: Operand
  /** Where the second halves of the partial sums begin. */
  low: number
}): Call {
  return {
    kernel: 'dot',
    params: [o.abGroups, o.abLength, o.a.parts, o.cdLength, o.c.parts, o.d.parts, o.firstB ?? 0, o.low],
    reads: [o.a.operand, o.b, o.c.operand, o.d.operand],
    writes: [o.partials],
    groups: [o.abGroups + o.cdGroups, 1, 1],
  }
}

export function sumParts(o: { length: number; parts: number; F: Operand }): Call {
  return {
    kernel: 'sum_parts',
    params: [o.length, o.parts],
    reads: [],
    writes: [o.F],
    groups: grid(o.length),
  }
}

export function addParts(o: { length: number; parts: number; N: Operand; into: Operand }): Call {
  return {
    kernel: 'add_parts',
    params: [o.length, o.parts],
    reads: [o.N],
    writes: [o.into],
    groups: grid(o.length),
  }
}
