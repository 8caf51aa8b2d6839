import { type Call, fourfold, grid, groupGrid, input, type Operand, tiles } from './calls.js'
import { WORKGROUP } from './pipelines.js'
import type { Room } from './plan.js'
import { heightOf, overridesOf, type Shape, shapeFor, tileCount, UNSHARED } from './shapes.js'

/** A sum over `length` terms, cut into `count` parts of `step` terms each (the last may be shorter). */
export interface Parts {
  readonly count: number
  readonly step: number
}

export const ONE_PART: Parts = { count: 1, step: 0xffff_fffc }

/** Sizes of a product with Hᵀ beside the rows. */
export interface ProductSizes {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly stride: number
  /** Of N. */
  readonly firstRow: number
  readonly parts: Parts
  /** Entries of one part of N. */
  readonly partLength: number
  /** Default: each thread for itself. */
  readonly shape?: Shape
}

/** Those of a product of rows of a factor with a matrix of the rank. */
export function square(rank: number, rows: number, { shaping }: Room): ProductSizes {
  const sizes = { rows, columns: rank, rank, stride: rank, firstRow: 0, parts: ONE_PART, partLength: 0 }
  return { ...sizes, shape: shapeFor('xht_dense', rows, rank, shaping) }
}

/** Only what is read four values at a time is staged, and fits pad everything to that. */
function shapeOf({ shape = UNSHARED }: { readonly shape?: Shape }, aligned: boolean): Shape {
  return aligned ? shape : UNSHARED
}

/** The grid of a product of so many rows and ranks. */
function gridOf(shape: Shape, rows: number, ranks: number, parts: Parts): [number, number, number] {
  const count = tileCount(shape, rows, ranks)
  return shape.depth === 0 ? grid(count, parts.count) : groupGrid(count, parts.count)
}

export function xhtDense(
  o: ProductSizes & {
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
  const shape = shapeOf(o, aligned)
  return {
    kernel: 'xht_dense',
    variant: { ALIGNED: aligned, HALF: half, ...overridesOf(shape) },
    params: [o.rows, o.columns, o.rank, o.stride, o.firstRow, o.parts.step, o.partLength, firstX],
    reads: [...input(aligned, o.X), ...input(aligned, o.Ht)],
    writes: [o.N],
    groups: gridOf(shape, o.rows, o.rank, o.parts),
  }
}

export function xtwDense(o: {
  rows: number
  columns: number
  rank: number
  stride: number
  firstRow: number
  /** Default: each thread for itself. */
  shape?: Shape
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
  const shape = shapeOf(o, aligned)
  const height = heightOf(shape)
  const gramTiles = o.S ? Math.ceil(rank / height) : 0
  const all = (Math.ceil(columns / height) + gramTiles) * height
  const cut = [firstRow, parts.step, columns * rank, gramTiles, Number(o.accumulate)]
  return {
    kernel: 'xtw_dense',
    variant: { ALIGNED: aligned, HALF: half, ...overridesOf(shape) },
    params: [rows, columns, rank, stride, ...cut, firstX],
    reads: [...input(aligned, o.X), ...input(aligned, o.W)],
    writes: [o.A, o.S],
    groups: gridOf(shape, all, rank, parts),
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
  /** Default: each thread for itself. */
  shape?: Shape
  parts: Parts
  accumulate: boolean
  /** Of F; default 0. */
  firstRow?: number
  F: Operand | undefined
  G: Operand
}): Call {
  const aligned = fourfold(o.rank)
  const shape = shapeOf(o, aligned)
  return {
    kernel: 'gram',
    variant: { ALIGNED: aligned, ...overridesOf(shape) },
    params: [o.rows, o.rank, o.parts.step, Number(o.accumulate), o.firstRow ?? 0],
    reads: input(aligned, o.F),
    writes: [o.G],
    groups: gridOf(shape, o.rank, o.rank, o.parts),
  }
}

/** One factor of an inner product, its parts one after the other. */
export interface Vector {
  readonly operand: Operand | undefined
  readonly parts: number
}

/** ⟨a, b⟩ in `abGroups` partial sums and ⟨c, d⟩ in `cdGroups` more. */
export function dotOf(o: {
  /** Of a workgroup. */
  threads: number
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
    variant: o.threads === WORKGROUP ? {} : { WORKGROUP: o.threads },
    // the last is the `zero` of opaque.wgsl
    params: [
      ...[o.abGroups, o.abLength, o.a.parts, o.cdLength, o.c.parts, o.cdLength, o.d.parts],
      ...[o.firstB ?? 0, o.low, 0],
    ],
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
