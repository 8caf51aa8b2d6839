import type { CDPSession, Page } from 'playwright-core'

/** The longest tasks of a page's main thread while something went on, in milliseconds. */
export interface Tasks {
  /** How many tasks there were. */
  readonly count: number
  /** Of the thread's own time: what the page, and the browser for it, have computed. */
  readonly own: number
  /** Of the wall's time, in which other processes may have held the cores. */
  readonly wall: number
  /** Tasks of more than 50 ms of the wall's time, as the browser's own observer of long tasks tells them. */
  readonly long: readonly number[]
}

interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Microseconds that the thread has worked, and that have passed, where the event has a duration. */
  readonly tdur?: number
  readonly dur?: number
  readonly args: { readonly name?: string }
}

interface Observing {
  longTasks?: number[]
}

async function observeLongTasks(page: Page): Promise<void> {
  await page.evaluate(() => {
    const seen: number[] = []
    ;(globalThis as Observing).longTasks = seen
    new PerformanceObserver(list => {
      for (const { duration } of list.getEntries()) seen.push(duration)
    }).observe({ type: 'longtask' })
  })
}

async function traced(client: CDPSession, work: () => Promise<void>): Promise<TraceEvent[]> {
  const events: TraceEvent[] = []
  client.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])))
  const traceConfig = { includedCategories: ['toplevel', '__metadata'] }
  await client.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig })
  await work()
  const complete = new Promise(resolve => client.once('Tracing.tracingComplete', resolve))
  await client.send('Tracing.end')
  await complete
  return events
}

/**
 * The tasks of the page's main thread during `work`, by the browser's trace, which tells the time that the thread has
 * worked from the time that has passed, and by its observer of long tasks, which knows the latter alone.
 */
export async function tasksDuring(page: Page, work: () => Promise<void>): Promise<Tasks> {
  await observeLongTasks(page)
  const client = await page.context().newCDPSession(page)
  const events = await traced(client, async () => {
    await work()
    // a task that answers is over, and the observer is told of it, in one that comes later
    await page.evaluate(() => new Promise(done => setTimeout(done, 50)))
  })
  await client.detach()
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`
  const mains = new Set(events.filter(({ args }) => args.name === 'CrRendererMain').map(threadOf))
  const tasks = events.filter(event => event.name.endsWith('RunTask') && mains.has(threadOf(event)))
  const longest = (times: (number | undefined)[]) => times.reduce<number>((most, time) => Math.max(most, time ?? 0), 0)
  return {
    count: tasks.length,
    own: longest(tasks.map(({ tdur }) => tdur)) / 1000,
    wall: longest(tasks.map(({ dur }) => dur)) / 1000,
    long: await page.evaluate(() => (globalThis as Observing).longTasks ?? []),
  }
}
