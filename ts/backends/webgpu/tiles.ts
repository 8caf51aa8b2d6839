import { betaTile, type Modelled, type Placed, spreadCsr, tileTerms, type Wanted } from './beta-calls.js'
import type { Call } from './calls.js'
import type { CsrPanel, DensePanel } from './data.js'
import type { Setting, State } from './family.js'
import { type Panel, padded, panelAt, type Room } from './plan.js'

/** Some rows of X, no more than one panel of it and of its weights has, and of the model that a loss needs of them. */
export interface Tile extends Panel {
  readonly X: { readonly dense: DensePanel } | { readonly csr: CsrPanel }
  readonly V: DensePanel | undefined
}

/** The buffers that one tile after another is worked through in. */
export interface Tiles {
  /** The tallest first. */
  readonly all: readonly Tile[]
  /** Rows of the tallest. */
  readonly tallest: number
  /** Of the rows of what follows: a multiple of 4. */
  readonly stride: number
  /** What the data pull with. */
  readonly Q: GPUBuffer | undefined
  readonly P: GPUBuffer | undefined
  readonly C: GPUBuffer | undefined
  /** Of the loss. */
  readonly terms: GPUBuffer
  readonly termCount: number
  /** A tile and what makes its model, once `made` has brought it there. */
  modelled(tile: Tile, state: State, beta: number): { readonly made: readonly Call[]; readonly of: Modelled }
  /** Dispatches that fill those of them that are wanted, for a tile. */
  fill(tile: Tile, state: State, beta: number, wanted: Wanted): Call[]
}

/** Rows of so many entries that a tile has at most. */
export function heightOf(length: number, { tileBytes, bindingBytes }: Room): number {
  return Math.max(1, Math.floor(Math.min(tileBytes, bindingBytes) / (4 * length)))
}

/** The tallest leaves a term of the loss in every place that those after it add to. */
function tallestFirst(tiles: readonly Tile[]): readonly Tile[] {
  const tallest = tiles.reduce((a, b) => (b.count > a.count ? b : a))
  return [tallest, ...tiles.filter(tile => tile !== tallest)]
}

/** @param most rows of a tile; default: those of which all that the loss needs may be kept */
export function tilesOf(
  { data, columns, room }: Setting,
  rows: Panel,
  most: number = heightOf(padded(columns), room),
): Tile[] {
  const { X, V } = data
  const all: Tile[] = []
  const last = rows.first + rows.count
  for (let first = rows.first; first < last; ) {
    const panel = panelAt<Panel>(X.kind === 'dense' ? X.panels : X.byRows.panels, first)
    const over = V && panelAt(V.panels, first)
    const ends = [panel, ...(over ? [over] : [])].map(part => part.first + part.count)
    const count = Math.min(most, last - first, ...ends.map(end => end - first))
    const from = X.kind === 'dense' ? { dense: panel as DensePanel } : { csr: panel as CsrPanel }
    all.push({ first, count, X: from, V: over })
    first += count
  }
  return all
}

/** @param beyond what is wanted at any time beside the loss */
export async function tilesFor(
  setting: Setting,
  beyond: Pick<Wanted, 'pull' | 'push' | 'bend'>,
  o: {
    /** Default: all. */
    readonly rows?: Panel
    /** Rows of a tile; default: as many as all that may be kept of it has room for. */
    readonly most?: number
    /** Terms of the loss that the tallest leaves, with so many values a row; default: those of `fill`. */
    readonly termsFor?: (tallest: number, stride: number) => number
  } = {},
): Promise<Tiles> {
  const { owned, data, columns, width, W, Ht } = setting
  const { rows = { first: 0, count: data.rows }, most, termsFor = tileTerms } = o
  const stride = padded(columns)
  const all = tallestFirst(tilesOf(setting, rows, most))
  const tallest = all[0].count
  const bytes = tallest * stride * 4
  const Q = beyond.pull ? await owned.storage(bytes) : undefined
  const P = beyond.push ? await owned.storage(bytes) : undefined
  const C = beyond.bend ? await owned.storage(bytes) : undefined
  const spread = data.X.kind === 'csr' ? await owned.storage(bytes) : undefined
  const termCount = termsFor(tallest, stride)
  const terms = await owned.storage(termCount * 4)
  const bound = (buffer: GPUBuffer | undefined) => buffer && { buffer }

  const placed = (panel: DensePanel | undefined, first: number, stride: number): Placed | undefined =>
    panel && { operand: { buffer: panel.buffer }, first: (first - panel.first) * stride, stride }

  function modelled(tile: Tile, state: State, beta: number): ReturnType<Tiles['modelled']> {
    const { first, count, X, V } = tile
    const into = spread && { buffer: spread }
    const half = data.X.kind === 'dense' && data.X.half
    const place = 'dense' in X ? placed(X.dense, first, columns) : { operand: into, first: 0, stride }
    const of: Modelled = {
      ...{ rows: count, columns: data.columns, rank: width, firstRow: first, row: first, beta },
      ...{ X: { ...place!, half }, V: placed(V, first, data.V?.stride ?? 0), holdout: data.holdout },
      ...{ W: { buffer: W[state] }, Ht: { buffer: Ht[state] }, terms: { buffer: terms }, adds: tile !== all[0] },
    }
    if ('dense' in X || !into) return { made: [], of }
    const { csr } = X
    return { made: [spreadCsr({ rows: count, columns: stride, firstRow: first - csr.first, panel: csr, into })], of }
  }

  function fill(tile: Tile, state: State, beta: number, wanted: Wanted): Call[] {
    const { made, of } = modelled(tile, state, beta)
    const lists = { Q: wanted.pull ? bound(Q) : undefined, P: wanted.push ? bound(P) : undefined }
    return [...made, betaTile({ ...of, stride, wanted, ...lists, C: wanted.bend ? bound(C) : undefined })]
  }

  return { all, tallest, stride, Q, P, C, terms, termCount, modelled, fill }
}
