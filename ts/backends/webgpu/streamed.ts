import type { Owned } from './owned.js'

/** Memory that panels of a matrix take turns in: as many buffers as a panel has lists. */
interface Berth {
  readonly memory: readonly GPUBuffer[]
  holds: StreamedPanel | undefined
}

/** Where all panels cannot be there at once: while the one is read, the next is written. */
const BERTHS = 2

/** A panel that is written to the device anew whenever it is to be read, in place of another. */
export class StreamedPanel {
  readonly #berth: Berth
  readonly #write: (memory: readonly GPUBuffer[]) => Promise<void>
  /** Its lists, in the order of the memory. */
  readonly buffers: readonly StreamedBuffer[]

  constructor(berth: Berth, write: (memory: readonly GPUBuffer[]) => Promise<void>) {
    this.#berth = berth
    this.#write = write
    this.buffers = berth.memory.map(memory => new StreamedBuffer(this, memory))
  }

  get isThere(): boolean {
    return this.#berth.holds === this
  }

  /** Writes it where others of its berth have been: what was submitted before sees those, and what comes after it. */
  async load(): Promise<void> {
    this.#berth.holds = undefined
    await this.#write(this.#berth.memory)
    this.#berth.holds = this
  }
}

/** A list of a streamed panel, which stands wherever a buffer would that is only read by kernels. */
export class StreamedBuffer {
  readonly panel: StreamedPanel
  readonly memory: GPUBuffer

  constructor(panel: StreamedPanel, memory: GPUBuffer) {
    this.panel = panel
    this.memory = memory
  }
}

/** What kernels may read. */
export type Readable = GPUBuffer | StreamedBuffer

/** Whether any of these is not always there. */
export function streamsAny(buffers: readonly Readable[]): boolean {
  return buffers.some(buffer => buffer instanceof StreamedBuffer)
}

/** A panel as it is to be placed: the bytes of its lists, and what writes them. */
export interface Load {
  readonly bytes: readonly number[]
  write(memory: readonly GPUBuffer[]): Promise<void>
}

/**
 * Places the panels of a matrix: the first `kept` in memory of their own, where they stay, the others by turns in two berths
 * that are as large as the largest of these. Answers the lists of each.
 */
export async function place(owned: Owned, loads: readonly Load[], kept: number): Promise<(readonly Readable[])[]> {
  const memoryOf = async (bytes: readonly number[]) => {
    const memory: GPUBuffer[] = []
    for (const size of bytes) memory.push(await owned.storage(size))
    return memory
  }
  const placed: (readonly Readable[])[] = []
  for (const { bytes, write } of loads.slice(0, kept)) {
    const memory = await memoryOf(bytes)
    await write(memory)
    placed.push(memory)
  }
  const turns = loads.slice(kept)
  if (turns.length === 0) return placed
  const largest = turns[0].bytes.map((_, list) => Math.max(...turns.map(({ bytes }) => bytes[list])))
  const berths: Berth[] = []
  while (berths.length < BERTHS) berths.push({ memory: await memoryOf(largest), holds: undefined })
  return [...placed, ...turns.map(({ write }, turn) => new StreamedPanel(berths[turn % BERTHS], write).buffers)]
}
