import path from 'node:path'
import cliProgress from 'cli-progress'
import type { HistoryEntry } from '../nmf/options.js'
import { brief } from './text.js'

/** What a fit shows while it works, on standard error. */
export interface Progress {
  reading(file: string): void
  fitting(maxIterations: number): void
  iteration(entry: Pick<HistoryEntry, 'iteration' | 'loss'>): void
  /** Wipes everything shown. */
  stop(): void
}

const CLEAR_LINE = '\r\x1b[K'

const LOOK = {
  barCompleteChar: '█',
  barIncompleteChar: '░',
  barsize: 24,
  clearOnComplete: true,
  hideCursor: true,
  stream: process.stderr,
} as const

const FITTING = 'fitting {bar} {value}/{total}  loss {loss}  at most {eta_formatted} left'
/** Of many fits, where an iteration stands for a fit. */
export const CHOOSING = 'fitting {bar} {value}/{total}  about {eta_formatted} left'
/** Of many runs, where an iteration stands for an epoch of any of them. */
export const COMPARING = 'comparing {bar} {value}/{total} epochs  about {eta_formatted} left'

class TerminalProgress implements Progress {
  readonly #bar: cliProgress.SingleBar

  constructor(format: string) {
    this.#bar = new cliProgress.SingleBar({ ...LOOK, format })
  }

  reading(file: string): void {
    process.stderr.write(`reading ${path.basename(file)} …`)
  }

  fitting(maxIterations: number): void {
    process.stderr.write(CLEAR_LINE)
    this.#bar.start(maxIterations, 0, { loss: '…' })
  }

  iteration({ iteration, loss }: Pick<HistoryEntry, 'iteration' | 'loss'>): void {
    this.#bar.update(iteration, { loss: brief(loss) })
  }

  stop(): void {
    this.#bar.stop()
    process.stderr.write(CLEAR_LINE)
  }
}

const SILENT: Progress = { reading() {}, fitting() {}, iteration() {}, stop() {} }

export function progress(wanted: boolean, format: string = FITTING): Progress {
  return wanted && process.stderr.isTTY ? new TerminalProgress(format) : SILENT
}
