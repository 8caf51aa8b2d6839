/** Rows of a factor that follow one another and all move or all stay. */
export interface Run {
  readonly first: number
  readonly rows: number
  readonly stays: boolean
}

/** The least place whose entry is at least `row`. */
function placeOf(frozen: Uint32Array, row: number): number {
  let low = 0
  for (let high = frozen.length; low < high; ) {
    const middle = (low + high) >>> 1
    if (frozen[middle] < row) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * The runs that rows first … first + rows − 1 of a factor fall into, in order: rows do not depend on each other under any
 * rule, so that a panel of them is worked run by run. One run of all where none stay.
 * @param frozen rows that stay, ascending, none twice
 */
export function runsOf(frozen: Uint32Array | undefined, first: number, rows: number): readonly Run[] {
  if (frozen === undefined) return [{ first, rows, stays: false }]
  const runs: Run[] = []
  const end = first + rows
  for (let at = first, next = placeOf(frozen, first); at < end; ) {
    const start = at
    const stays = frozen[next] === at
    if (!stays) at = next < frozen.length ? Math.min(end, frozen[next]) : end
    for (; stays && at < end && frozen[next] === at; at++) next++
    runs.push({ first: start, rows: at - start, stays })
  }
  return runs
}

/** Those of them that move. */
export function movingRuns(frozen: Uint32Array | undefined, first: number, rows: number): readonly Run[] {
  return runsOf(frozen, first, rows).filter(({ stays }) => !stays)
}
