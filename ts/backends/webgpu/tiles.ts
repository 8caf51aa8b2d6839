import { betaTerms, type Placed, spreadCsr, tileTerms, type Wanted, whDense } from './beta-calls.js'
import type { Call } from './calls.js'
import type { CsrPanel, DensePanel } from './data.js'
import type { Setting, State } from './family.js'
import { type Panel, panelAt, type Room } from './plan.js'

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
  /** W·H, and in its place what the data pull with. */
  readonly U: GPUBuffer
  readonly P: GPUBuffer | undefined
  readonly C: GPUBuffer | undefined
  readonly terms: GPUBuffer
  readonly termCount: number
  /** Dispatches that fill them for a tile. */
  fill(tile: Tile, state: State, beta: number, wanted: Wanted): Call[]
}

/** Rows of so many entries that a tile has at most. */
export function heightOf(length: number, { tileBytes, bindingBytes }: Room): number {
  return Math.max(1, Math.floor(Math.min(tileBytes, bindingBytes) / (4 * length)))
}

export function tilesOf({ data, columns, room }: Setting, rows: Panel): Tile[] {
  const { X, V } = data
  const most = heightOf(columns, room)
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

/** The tallest leaves a term of the loss in every place that those after it add to. */
function tallestFirst(tiles: readonly Tile[]): readonly Tile[] {
  const tallest = tiles.reduce((a, b) => (b.count > a.count ? b : a))
  return [tallest, ...tiles.filter(tile => tile !== tallest)]
}

/** @param beyond what is wanted at any time. @param rows default: all */
export async function tilesFor(
  setting: Setting,
  beyond: Pick<Wanted, 'push' | 'bend'>,
  rows: Panel = { first: 0, count: setting.data.rows },
): Promise<Tiles> {
  const { owned, data, columns, width, W, Ht } = setting
  const all = tallestFirst(tilesOf(setting, rows))
  const tallest = all[0].count
  const bytes = tallest * columns * 4
  const U = await owned.storage(bytes)
  const P = beyond.push ? await owned.storage(bytes) : undefined
  const C = beyond.bend ? await owned.storage(bytes) : undefined
  const spread = data.X.kind === 'csr' ? await owned.storage(bytes) : undefined
  const termCount = tileTerms(tallest, columns)
  const terms = await owned.storage(termCount * 4)
  const bound = (buffer: GPUBuffer | undefined) => buffer && { buffer }

  const placed = (panel: DensePanel | undefined, first: number, stride: number): Placed | undefined =>
    panel && { operand: { buffer: panel.buffer }, first: (first - panel.first) * stride, stride }

  function fill({ first, count, X, V }: Tile, state: State, beta: number, wanted: Wanted): Call[] {
    const sizes = { rows: count, columns }
    const model = whDense({
      ...{ ...sizes, rank: width, stride: width, firstRow: first, transposed: true },
      ...{ W: { buffer: W[state] }, H: { buffer: Ht[state] }, U: { buffer: U } },
    })
    const into = spread && { buffer: spread }
    const half = data.X.kind === 'dense' && data.X.half
    const place = 'dense' in X ? placed(X.dense, first, columns) : { operand: into, first: 0, stride: columns }
    const entries = betaTerms({
      ...{ ...sizes, inside: data.columns, beta, wanted, adds: first !== all[0].first, row: first },
      ...{ X: { ...place!, half }, V: placed(V, first, data.V?.stride ?? 0), holdout: data.holdout },
      ...{ U: { buffer: U }, P: wanted.push ? bound(P) : undefined, C: wanted.bend ? bound(C) : undefined },
      terms: { buffer: terms },
    })
    if ('dense' in X || !into) return [model, entries]
    return [spreadCsr({ ...sizes, firstRow: first - X.csr.first, panel: X.csr, into }), model, entries]
  }

  return { all, tallest, U, P, C, terms, termCount, fill }
}
