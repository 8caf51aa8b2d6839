import { type Call, fourfold, grid, input, type Operand, tiles } from './calls.js'

/** A sum over `length` terms, cut into `count` parts of `step` terms each (the last may be shorter). */
export interface Parts {
  readonly count: number
  readonly step: number
}

export const ONE_PART: Parts = { count: 1, step: 0xffff_fffc }

export function xhtDense(o: {
  rows: number
  columns: number
  rank: number
  stride: number
  firstRow: number
  parts: Parts
  /** Entries of one part of N. */
  partLength: number
  X: Operand | undefined
  Ht: Operand | undefined
  N: Operand
}): Call {
  const aligned = fourfold(o.columns, o.stride, o.rank)
  return {
    kernel: 'xht_dense',
    variant: { ALIGNED: aligned },
    params: [o.rows, o.columns, o.rank, o.stride, o.firstRow, o.parts.step, o.partLength],
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
  X: Operand | undefined
  W: Operand | undefined
  A: Operand
  /** WᵀW beside A, in as many parts. */
  S: Operand | undefined
}): Call {
  const aligned = fourfold(o.columns, o.stride, o.rank)
  const gramTiles = o.S ? tiles(o.rank) : 0
  const { rows, columns, rank, stride, firstRow, parts } = o
  return {
    kernel: 'xtw_dense',
    variant: { ALIGNED: aligned },
    params: [rows, columns, rank, stride, firstRow, parts.step, columns * rank, gramTiles, Number(o.accumulate)],
    reads: [...input(aligned, o.X), ...input(aligned, o.W)],
    writes: [o.A, o.S],
    groups: grid((tiles(columns) + gramTiles) * tiles(rank), parts.count),
  }
}

export function xhtCsr(o: {
  rows: number
  rank: number
  firstRow: number
  parts: number
  partLength: number
  accumulate?: boolean
  indptr: Operand
  indices: Operand | undefined
  values: Operand | undefined
  Ht: Operand | undefined
  N: Operand
}): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'xht_csr',
    variant: { ALIGNED: aligned },
    params: [o.rows, o.rank, o.firstRow, o.parts, o.partLength, Number(o.accumulate ?? false)],
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
  F: Operand | undefined
  G: Operand
}): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'gram',
    variant: { ALIGNED: aligned },
    params: [o.rows, o.rank, o.parts.step, Number(o.accumulate)],
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
  c: Vector
  d: Vector
  partials: Operand
  /** Where the second halves of the partial sums begin. */
  low: number
}): Call {
  return {
    kernel: 'dot',
    params: [o.abGroups, o.abLength, o.a.parts, o.cdLength, o.c.parts, o.d.parts, o.low],
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
