import { type Scale, share, ticks } from './ticks.js'

/** x and y. */
export type Point = readonly [number, number]

export interface Line {
  readonly points: readonly Point[]
  /** Of the style sheet; says which colour it has. */
  readonly className: string
  /** Shown where a pointer rests on it. */
  readonly name: string
  /** Whether each point is marked. */
  readonly dots?: boolean
}

/** A surface between two curves over the same places: x, lower y, upper y. */
export interface Band {
  readonly points: readonly (readonly [number, number, number])[]
  readonly className: string
}

export interface Axis extends Scale {
  readonly title: string
}

export interface Chart {
  /** No other chart of the page has it. */
  readonly id: string
  /** For those who do not see it. */
  readonly title: string
  readonly width: number
  readonly height: number
  readonly x: Axis
  readonly y: Axis
  readonly bands?: readonly Band[]
  readonly lines: readonly Line[]
}

export function escapeText(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, character => names[character])
}

const MARGIN = { left: 62, right: 14, top: 26, bottom: 40 }

/** A tenth of a pixel is as near as an eye looks. */
const near = (value: number): string => String(Math.round(value * 10) / 10)

/** Lines over two axes, as an SVG element that takes its colours from the style sheet of the page around it. */
export function chart({ id, title, width, height, x, y, bands = [], lines }: Chart): string {
  const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom]
  const inWidth = right - MARGIN.left
  const inHeight = bottom - MARGIN.top
  const across = (value: number) => near(MARGIN.left + inWidth * share(x, value))
  // lines that leave the picture are cut at its edge, and the cut needs numbers that a renderer can hold
  const down = (value: number) => near(bottom - inHeight * Math.min(3, Math.max(-2, share(y, value))))
  const place = ([px, py]: Point) => `${across(px)},${down(py)}`
  const clip = `${id}-plot`
  const grid = [
    ...ticks(y, Math.max(2, inHeight / 36)).map(({ value, label }) => {
      const at = down(value)
      return `<path class="grid" d="M${MARGIN.left},${at}H${right}"/><text class="tick" x="${MARGIN.left - 8}" y="${at}" dy="0.32em" text-anchor="end">${label}</text>`
    }),
    ...ticks(x, Math.max(2, inWidth / 72)).map(({ value, label }) => {
      const at = across(value)
      return `<path class="grid" d="M${at},${MARGIN.top}V${bottom}"/><text class="tick" x="${at}" y="${bottom + 17}" text-anchor="middle">${label}</text>`
    }),
  ]
  const surfaces = bands.map(({ points, className }) => {
    const upper = points.map(([px, , high]) => place([px, high]))
    const lower = points.map(([px, low]) => place([px, low])).reverse()
    return `<path class="band ${className}" d="M${[...upper, ...lower].join('L')}Z"/>`
  })
  const drawn = lines.map(({ points, className, name, dots = false }) => {
    const marks = dots ? points.map(([px, py]) => `<circle r="3" cx="${across(px)}" cy="${down(py)}"/>`).join('') : ''
    const path = points.length === 0 ? '' : `<path class="line" d="M${points.map(place).join('L')}"/>`
    return `<g class="series ${className}"><title>${escapeText(name)}</title>${path}${marks}</g>`
  })
  return [
    `<svg viewBox="0 0 ${width} ${height}" role="img"><title>${escapeText(title)}</title>`,
    `<defs><clipPath id="${clip}"><rect x="${MARGIN.left}" y="${MARGIN.top - 4}" width="${inWidth + 4}" height="${inHeight + 8}"/></clipPath></defs>`,
    ...grid,
    `<text class="axis" x="${MARGIN.left}" y="14" text-anchor="start">${escapeText(y.title)}</text>`,
    `<text class="axis" x="${right}" y="${height - 6}" text-anchor="end">${escapeText(x.title)}</text>`,
    `<g clip-path="url(#${clip})">`,
    ...surfaces,
    ...drawn,
    '</g></svg>',
  ].join('\n')
}
