import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import type { Status, Unit } from './schema.js'

/** How long a contestant may take for one answer before it counts as failed. */
const PATIENCE_SECONDS = 300

/** Work of one unit, by which seconds become rates. */
export interface Work {
  readonly flops: number
  readonly bytes: number
}

/** A process that can be started, and what it is asked to do. */
export interface ContestantSpec {
  readonly backend: string
  /** What the results call it; what the process tells of itself goes before this. */
  readonly variant: string
  readonly threads: number
  readonly dtype: 'f32' | 'f64'
  readonly command: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** Words of the protocol's `start`. */
  readonly start: Readonly<Record<string, string | number>>
  /** Units of one sample; undefined: as many as fill about 150 ms. */
  readonly units?: number
  /** Where the process does not tell it. */
  readonly work?: Work
  /** Every sample has a process of its own. */
  readonly fresh?: boolean
  /** What makes it present, for where it is absent. */
  readonly remedy?: string
  /** Seconds that it may take for one answer before it counts as failed; default 300. */
  readonly patience?: number
}

/** Why a contestant has no times. */
export class NoTimes extends Error {
  readonly status: Exclude<Status, 'measured'>

  constructor(status: Exclude<Status, 'measured'>, reason: string) {
    super(reason)
    this.status = status
  }
}

function encode(words: Readonly<Record<string, string | number>>): string {
  return Object.entries(words)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join(' ')
}

function decode(text: string): Record<string, string> {
  const pairs = text.split(' ').filter(word => word.includes('='))
  return Object.fromEntries(
    pairs.map(word => [word.slice(0, word.indexOf('=')), decodeURIComponent(word.slice(word.indexOf('=') + 1))]),
  )
}

/** The other end of the line protocol: a question is one line, and so is its answer. */
class Talk {
  readonly #child: ChildProcess
  readonly #lines: Interface
  readonly #answers: AsyncIterator<string>
  readonly #patience: number
  #complaint = ''
  #missing = false

  constructor({ command, environment, patience = PATIENCE_SECONDS }: ContestantSpec) {
    const [program, ...args] = command
    this.#patience = patience
    this.#child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    })
    // a program that is not there speaks through `error`, one that ends through the end of its output
    this.#child.on('error', (error: NodeJS.ErrnoException) => {
      this.#complaint = error.message
      this.#missing = error.code === 'ENOENT'
    })
    this.#child.stdin!.on('error', () => {})
    this.#child.stderr!.on('data', text => {
      this.#complaint = `${this.#complaint}${text}`.slice(-2000)
    })
    this.#lines = createInterface({ input: this.#child.stdout! })
    this.#answers = this.#lines[Symbol.asyncIterator]()
  }

  async ask(question: string): Promise<{ verb: string; rest: string }> {
    this.#child.stdin!.write(`${question}\n`)
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), this.#patience * 1000)
    const { value, done } = await this.#answers.next()
    clearTimeout(timer)
    if (done) {
      if (this.#missing) throw new NoTimes('absent', this.#complaint)
      const last = this.#complaint.trim().split('\n').at(-1)
      throw new NoTimes('failed', `the process ended${last ? `: ${last}` : ''}`)
    }
    const space = (value as string).indexOf(' ')
    return space < 0 ? { verb: value, rest: '' } : { verb: value.slice(0, space), rest: value.slice(space + 1) }
  }

  /** The rest of an answer that must begin with `verb`. */
  async expect(verb: string, question: string): Promise<string> {
    const answer = await this.ask(question)
    if (answer.verb === verb) return answer.rest
    const status = answer.verb === 'unsupported' || answer.verb === 'absent' ? answer.verb : 'failed'
    throw new NoTimes(status, answer.rest || answer.verb)
  }

  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#child
    if (exitCode !== null || signalCode !== null || this.#child.pid === undefined) return
    const gone = new Promise(resolve => this.#child.once('exit', resolve))
    this.#child.stdin!.write('stop\n')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 2000)
    await gone
    clearTimeout(timer)
    this.#lines.close()
  }
}

async function begin(spec: ContestantSpec): Promise<{ talk: Talk; facts: Record<string, string> }> {
  const talk = new Talk(spec)
  try {
    const words = { threads: spec.threads, dtype: spec.dtype, ...spec.start }
    return { talk, facts: decode(await talk.expect('ok', `start ${encode(words)}`)) }
  } catch (error) {
    await talk.end()
    throw error
  }
}

/** A sample of a contestant that chooses its own number of units lasts about so long. */
const SAMPLE_SECONDS = 0.15

/** One process, or one a sample, that is timed in turns with others. */
export class Contestant {
  readonly spec: ContestantSpec
  readonly unit: Unit
  readonly variant: string
  readonly work: Work
  /** Whether what it runs on is emulated: then its times say nothing of hardware. */
  readonly emulated: boolean
  readonly #talk: Talk | undefined
  #units: number

  private constructor(spec: ContestantSpec, unit: Unit, facts: Readonly<Record<string, string>>, talk?: Talk) {
    this.spec = spec
    this.unit = unit
    this.variant = [facts.variant, spec.variant].filter(Boolean).join(' ') || 'as it is'
    this.work = spec.work ?? { flops: Number(facts.flops ?? 0), bytes: Number(facts.bytes ?? 0) }
    this.emulated = facts.emulated === '1'
    this.#talk = talk
    this.#units = spec.units ?? 0
  }

  /** @throws NoTimes */
  static async open(spec: ContestantSpec, unit: Unit): Promise<Contestant> {
    if (spec.fresh) return new Contestant(spec, unit, {})
    const { talk, facts } = await begin(spec)
    return new Contestant(spec, unit, facts, talk)
  }

  /** Seconds of one unit. @throws NoTimes */
  async sample(): Promise<number> {
    if (!this.#talk) {
      const { talk } = await begin(this.spec)
      try {
        return Number(await talk.expect('seconds', 'run 1'))
      } finally {
        await talk.end()
      }
    }
    if (this.#units === 0) this.#units = await this.#calibrate(this.#talk)
    return Number(await this.#talk.expect('seconds', `run ${this.#units}`)) / this.#units
  }

  async #calibrate(talk: Talk): Promise<number> {
    for (let units = 1; ; units *= 8) {
      const seconds = Number(await talk.expect('seconds', `run ${units}`))
      if (seconds > SAMPLE_SECONDS / 16) return Math.max(1, Math.round((units * SAMPLE_SECONDS) / seconds))
    }
  }

  /** The loss that the last sample ended with, or null where it tells none. */
  async loss(): Promise<number | null> {
    if (!this.#talk) return null
    const { verb, rest } = await this.#talk.ask('loss')
    return verb === 'loss' ? Number(rest) : null
  }

  async close(): Promise<void> {
    await this.#talk?.end()
  }
}
