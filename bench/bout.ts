import { Contestant, type ContestantSpec, NoTimes } from './contestant.js'
import { processorTime } from './environment.js'
import { type Roof, sampledRow, type Under, underRoof, unsampledRow } from './rows.js'
import { type Comparison, type Row, rowName, type Unit } from './schema.js'
import { differs } from './statistics.js'

export interface Entrant extends ContestantSpec {
  /** This entrant is a roof for the others. */
  readonly roof?: Roof
  /** The roof that it is held against; those with the same number of threads count. */
  readonly under?: Under
}

/** Contestants on one problem, timed in turns. The first is compared with every other that is no roof. */
export interface Bout {
  readonly group: string
  readonly problem: string
  readonly unit: Unit
  /** Fewer where a round takes long. */
  readonly rounds?: number
  /** How long each warms up: engines go on compiling what runs often, for a second or two. Otherwise for one sample. */
  readonly warmUpSeconds?: number
  /** The contestants start at the same time rather than one after the other: each takes seconds for it. */
  readonly together?: boolean
  /** Its contestants have nothing in common but the GPU, so that a comparison with an emulation would say nothing. */
  readonly comparesHardware?: boolean
  /** Names the files, written when the bout begins. */
  prepare?(): Readonly<Record<string, string>>
  readonly entrants: readonly Entrant[]
}

export interface BoutResult {
  readonly rows: readonly Row[]
  readonly comparisons: readonly Comparison[]
}

/** Time for the threads of the last contestant to fall asleep: OpenBLAS and OpenMP spin for some tens of milliseconds. */
const SETTLE_MS = 60

/** A bout that has lasted longer ends after so many rounds, so that a busy machine does not make a run endless. */
const BOUT_SECONDS = 40
const LEAST_ROUNDS = 5

/**
 * A round in which the hypervisor gave other guests more of the processor than this is loud. For every round that counts
 * one more may be held, and of all of them the quietest count: what a round measured does not decide it.
 */
const LOUD = 0.01

const pause = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

interface Place {
  readonly entrant: Entrant
  contestant?: Contestant
  failure?: NoTimes
  samples: number[]
  loss: number | null
}

async function guarded(place: Place, work: () => Promise<void>): Promise<void> {
  if (place.failure) return
  try {
    await work()
  } catch (error) {
    if (!(error instanceof NoTimes)) throw error
    place.failure = error
  }
}

function rowOf(bout: Bout, { entrant, contestant, failure, samples, loss }: Place): Row {
  const { backend, threads, dtype, remedy } = entrant
  const label = {
    group: bout.group,
    problem: bout.problem,
    backend,
    variant: contestant?.variant ?? (entrant.variant || 'as it is'),
    threads,
    dtype,
    unit: bout.unit,
  }
  if (!failure && contestant && samples.length > 0) {
    return sampledRow(label, { samples, work: contestant.work, loss, emulated: contestant.emulated })
  }
  const why = failure?.message ?? 'it was not timed'
  const status = failure?.status ?? 'failed'
  return unsampledRow(label, status, status === 'absent' && remedy ? `${why} (${remedy})` : why)
}

function compare(rows: readonly Row[], { comparesHardware }: Bout): Comparison[] {
  const counts = ({ status, emulated }: Row) => status === 'measured' && !(comparesHardware && emulated)
  const [first, ...others] = rows.filter(counts)
  if (!first || first !== rows[0]) return []
  return others.map(other => ({
    problem: first.problem,
    row: rowName(first),
    against: rowName(other),
    ratio: other.median! / first.median!,
    differs: differs(first.samples, other.samples),
  }))
}

/** Tells the share of the processor that other guests had since it was asked last; 0 where the system does not say. */
function watchGuests(): () => number {
  let before = processorTime()
  return () => {
    const now = processorTime()
    const share = before && now && now.all > before.all ? (now.stolen - before.stolen) / (now.all - before.all) : 0
    before = now
    return share
  }
}

/** One sample or more; the loss that they end with. */
async function warmUp(contestant: Contestant, seconds = 0): Promise<number | null> {
  const begun = performance.now()
  do await contestant.sample()
  while (performance.now() - begun < 1000 * seconds)
  return await contestant.loss()
}

/**
 * Times the entrants round by round, forwards and backwards in turn, so that neither a slow minute nor a slow drift of
 * the machine favours one. A round before the first warms up and finds out how many units make a sample.
 */
export async function hold(bout: Bout, rounds: number, stolen = watchGuests()): Promise<BoutResult> {
  const files = bout.prepare?.() ?? {}
  const places: Place[] = bout.entrants.map(entrant => ({ entrant, samples: [], loss: null }))
  try {
    const open = (place: Place) =>
      guarded(place, async () => {
        const start = { ...place.entrant.start, ...(place.entrant.roof ? {} : files) }
        place.contestant = await Contestant.open({ ...place.entrant, start }, bout.unit)
      })
    if (bout.together) await Promise.all(places.map(open))
    else for (const place of places) await open(place)
    const begun = performance.now()
    const wanted = Math.min(rounds, bout.rounds ?? rounds)
    const shares: number[] = []
    const quiet = () => shares.filter(share => share <= LOUD).length
    for (let round = -1; quiet() < wanted && round < 2 * wanted; round++) {
      if (round >= LEAST_ROUNDS && performance.now() - begun > 1000 * BOUT_SECONDS) break
      stolen()
      for (const place of round % 2 === 0 ? places : places.toReversed()) {
        await guarded(place, async () => {
          await pause(SETTLE_MS)
          if (round >= 0) place.samples.push(await place.contestant!.sample())
          else place.loss = await warmUp(place.contestant!, bout.warmUpSeconds)
        })
      }
      if (round >= 0) shares.push(stolen())
    }
    const order = shares.map((_, round) => round).sort((a, b) => shares[a] - shares[b])
    const counted = order.slice(0, wanted).sort((a, b) => a - b)
    for (const place of places) if (!place.failure) place.samples = counted.map(round => place.samples[round])
  } finally {
    await Promise.all(places.map(({ contestant }) => contestant?.close()))
  }
  const plain = places.map(place => rowOf(bout, place))
  const roofs = plain.flatMap((row, i) => {
    const { roof } = places[i].entrant
    return roof && row.status === 'measured' ? [{ row, roof }] : []
  })
  const rows = plain.map((row, i) => underRoof(row, places[i].entrant.under, roofs))
  return {
    rows,
    comparisons: compare(
      rows.filter((_, i) => !places[i].entrant.roof),
      bout,
    ),
  }
}
