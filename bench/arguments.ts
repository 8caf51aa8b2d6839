/** Arguments of `npm run bench`, as they were typed. */
export interface TypedArguments {
  readonly backends?: string
  readonly rounds?: string
  readonly threads?: string
}

const COUNTS = ['rounds', 'threads'] as const

/** What is wrong with them, one line each: refused before anything is timed. */
export function argumentComplaints(typed: TypedArguments, known: readonly string[]): string[] {
  const unknown = typed.backends?.split(',').filter(name => !known.includes(name)) ?? []
  const badCounts = COUNTS.filter(name => typed[name] !== undefined && !/^[1-9]\d*$/.test(typed[name]))
  return [
    ...(unknown.length > 0 ? [`there is no backend "${unknown.join('", "')}"; there are ${known.join(', ')}`] : []),
    ...badCounts.map(name => `--${name} is "${typed[name]}", not a whole number from 1`),
  ]
}
