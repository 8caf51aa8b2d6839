/** The one form of bench/results/*.json. Times are seconds; `docs/performance.md` is made from it by bench/report.ts. */
export const SCHEMA_VERSION = 1

/** What came of a contestant. Only `measured` rows have samples; the others say why not in `reason`. */
export const STATUSES = ['measured', 'unsupported', 'absent', 'failed'] as const
export type Status = (typeof STATUSES)[number]

/** What one sample is divided by. */
export const UNITS = ['iteration', 'call', 'step', 'process', 'pass', 'way'] as const
export type Unit = (typeof UNITS)[number]

/** A row's rate against the best that the same machine did in the same rounds. */
export interface RooflineShare {
  /** The problem string of the row that is the roof. */
  readonly roof: string
  readonly unit: 'GFLOP/s' | 'GB/s'
  readonly value: number
  /** The row's rate divided by `value`. */
  readonly share: number
}

export interface Row {
  readonly group: string
  readonly problem: string
  /** A backend of nonneg, `roofline`, or the name of a peer. */
  readonly backend: string
  /** Instruction set, plain or relaxed SIMD, or a peer's version and libraries. */
  readonly variant: string
  readonly threads: number
  readonly dtype: 'f32' | 'f64'
  /** It ran on a device that software emulates: its times say nothing of hardware. */
  readonly emulated?: true
  readonly status: Status
  readonly reason: string | null
  readonly unit: Unit
  /** Seconds of one unit, one entry a round. */
  readonly samples: readonly number[]
  readonly median: number | null
  /** Median absolute deviation of the samples. */
  readonly spread: number | null
  readonly gflops: number | null
  /** Of the bytes that must move at least once. */
  readonly gbs: number | null
  readonly roofline: RooflineShare | null
  /** Where a fit ended after the iterations of a sample: contestants that do the same work agree. */
  readonly loss: number | null
}

/** Two rows of one problem, measured in turns. */
export interface Comparison {
  readonly problem: string
  readonly row: string
  readonly against: string
  /** Median of `against` divided by that of `row`: above 1 where `row` is faster. */
  readonly ratio: number
  /** Whether they differ by more than chance (Mann–Whitney U). */
  readonly differs: boolean
}

/** One line of the table of goals. */
export interface Line {
  readonly id: string
  readonly what: string
  readonly target: string
  readonly measured: string
  readonly status: 'pass' | 'short' | 'not measured'
}

export interface Environment {
  /** ISO 8601, of the start. */
  readonly date: string
  readonly seconds: number
  readonly cpu: string
  readonly cores: number
  /** Name and size as the system tells them, such as `L2 2048K`. */
  readonly caches: readonly string[]
  readonly memoryGiB: number
  readonly platform: string
  /** Which browser, where it was one: it tells no processor and no load, and has no Node. */
  readonly browser?: string
  readonly node: string
  readonly v8: string
  readonly nonneg: string
  /** The commit that was measured, with `+` where the tree had changes. */
  readonly commit: string
  /** Load averages over one minute. */
  readonly loadBefore: number
  readonly loadAfter: number
  /** Share of the processor time of the run that the hypervisor gave to other guests; null where it is not told. */
  readonly stolen: number | null
  readonly rounds: number
  readonly backends: readonly { readonly id: string; readonly available: boolean; readonly facts: string }[]
}

export interface Results {
  readonly schema: typeof SCHEMA_VERSION
  readonly environment: Environment
  readonly lines: readonly Line[]
  readonly rows: readonly Row[]
  readonly comparisons: readonly Comparison[]
}

/** The name of a row within its problem. */
export function rowName(row: Pick<Row, 'backend' | 'variant' | 'threads'>): string {
  return `${row.backend} ${row.variant} ×${row.threads}`
}

type Check = (value: unknown) => boolean

const isText: Check = value => typeof value === 'string' && value !== ''
const isNumber: Check = value => typeof value === 'number' && Number.isFinite(value) && value >= 0
const isCount: Check = value => Number.isInteger(value) && (value as number) >= 1
const orNull =
  (check: Check): Check =>
  value =>
    value === null || check(value)
const oneOf =
  (choices: readonly unknown[]): Check =>
  value =>
    choices.includes(value)
const listOf =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.every(check)
const objectOf =
  (fields: Readonly<Record<string, Check>>): Check =>
  value =>
    typeof value === 'object' && value !== null && complaints(value, fields, '').length === 0

const ROOFLINE = { roof: isText, unit: oneOf(['GFLOP/s', 'GB/s']), value: isNumber, share: isNumber }

const ROW: Readonly<Record<keyof Row, Check>> = {
  group: isText,
  problem: isText,
  backend: isText,
  variant: isText,
  threads: isCount,
  dtype: oneOf(['f32', 'f64']),
  emulated: oneOf([undefined, true]),
  status: oneOf(STATUSES),
  reason: orNull(isText),
  unit: oneOf(UNITS),
  samples: listOf(isNumber),
  median: orNull(isNumber),
  spread: orNull(isNumber),
  gflops: orNull(isNumber),
  gbs: orNull(isNumber),
  roofline: orNull(objectOf(ROOFLINE)),
  loss: orNull(isNumber),
}

const COMPARISON: Readonly<Record<keyof Comparison, Check>> = {
  problem: isText,
  row: isText,
  against: isText,
  ratio: isNumber,
  differs: oneOf([true, false]),
}

const LINE: Readonly<Record<keyof Line, Check>> = {
  id: isText,
  what: isText,
  target: isText,
  measured: isText,
  status: oneOf(['pass', 'short', 'not measured']),
}

const ENVIRONMENT: Readonly<Record<keyof Environment, Check>> = {
  date: value => typeof value === 'string' && !Number.isNaN(Date.parse(value)),
  seconds: isNumber,
  cpu: isText,
  cores: isCount,
  caches: listOf(isText),
  memoryGiB: isNumber,
  platform: isText,
  browser: value => value === undefined || isText(value),
  node: isText,
  v8: isText,
  nonneg: isText,
  commit: isText,
  loadBefore: isNumber,
  loadAfter: isNumber,
  stolen: orNull(isNumber),
  rounds: isCount,
  backends: listOf(objectOf({ id: isText, available: oneOf([true, false]), facts: isText })),
}

function complaints(value: object, fields: Readonly<Record<string, Check>>, place: string): string[] {
  const entries = value as Readonly<Record<string, unknown>>
  const wrong = Object.entries(fields).flatMap(([name, check]) =>
    check(entries[name]) ? [] : [`${place}${name} is ${JSON.stringify(entries[name])}`],
  )
  const strange = Object.keys(entries).filter(name => !Object.hasOwn(fields, name))
  return [...wrong, ...strange.map(name => `${place}${name} is not a field`)]
}

function rowComplaints(row: Row, place: string): string[] {
  const found = complaints(row, ROW, place)
  if (found.length > 0) return found
  if (row.status !== 'measured') return row.reason === null ? [`${place}reason is missing`] : []
  if (row.samples.length === 0 || row.median === null || row.spread === null) return [`${place}samples are missing`]
  return []
}

/** What is wrong with an object that claims to be results; empty where nothing is. */
export function resultsComplaints(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return ['there is no object']
  const results = value as Partial<Results>
  if (results.schema !== SCHEMA_VERSION) return [`schema is ${results.schema}, not ${SCHEMA_VERSION}`]
  const { environment, lines, rows, comparisons } = results
  if (!environment || !Array.isArray(lines) || !Array.isArray(rows) || !Array.isArray(comparisons)) {
    return ['environment, lines, rows or comparisons are missing']
  }
  return [
    ...complaints(environment, ENVIRONMENT, 'environment.'),
    ...lines.flatMap((line, i) => complaints(line, LINE, `lines[${i}].`)),
    ...rows.flatMap((row, i) => rowComplaints(row, `rows[${i}].`)),
    ...comparisons.flatMap((comparison, i) => complaints(comparison, COMPARISON, `comparisons[${i}].`)),
  ]
}
