import { type Roof, type RowLabel, sampledRow, type Under, underRoof } from '../rows.js'
import type { Row } from '../schema.js'
import type { Subject } from './dispatches.js'

/** One of those that take turns. */
export interface Place {
  readonly label: RowLabel
  readonly subject: Subject
  readonly roof?: Roof
  readonly under?: Under
  /** Of a sample; without: as many as fill it. */
  readonly units?: number
}

export interface TurnOptions {
  readonly rounds: number
  /** How long a sample should be where nobody says how many units it has. */
  readonly sampleSeconds: number
  readonly emulated: boolean
  readonly signal?: AbortSignal
  /** Told before every round; 0 warms up. */
  onRound?(round: number): void
}

/** The place with the number of units that fills a sample. */
export async function calibrated(place: Place, { sampleSeconds }: Pick<TurnOptions, 'sampleSeconds'>): Promise<Place> {
  if (place.units !== undefined) return place
  for (let units = 1; ; units *= 8) {
    const seconds = await place.subject.run(units)
    if (seconds > sampleSeconds / 16)
      return { ...place, units: Math.max(1, Math.round((units * sampleSeconds) / seconds)) }
  }
}

/**
 * Times subjects of one page round by round, forwards and backwards in turn, as bench/bout.ts does with processes. The
 * first round warms up. @throws the signal's reason where that ends it
 */
export async function takeTurns(places: readonly Place[], options: TurnOptions): Promise<Row[]> {
  const { rounds, emulated, signal, onRound } = options
  const ready: Place[] = []
  for (const place of places) ready.push(await calibrated(place, options))
  const samples = ready.map((): number[] => [])
  const turns = ready.map((_, at) => at)
  for (let round = 0; round <= rounds; round++) {
    onRound?.(round)
    for (const at of round % 2 === 0 ? turns.toReversed() : turns) {
      signal?.throwIfAborted()
      const { subject, units = 1 } = ready[at]
      const seconds = await subject.run(units)
      if (round > 0) samples[at].push(seconds / units)
    }
  }
  const rows: Row[] = []
  for (const [at, { label, subject }] of ready.entries()) {
    const loss = (await subject.loss?.()) ?? null
    rows.push(sampledRow(label, { samples: samples[at], work: subject.work, loss, emulated }))
  }
  const roofs = rows.flatMap((row, at) => {
    const { roof } = ready[at]
    return roof ? [{ row, roof }] : []
  })
  return rows.map((row, at) => underRoof(row, ready[at].under, roofs))
}
