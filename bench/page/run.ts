import { SHAPES_OF, type ShapedKernel, shapeNamed } from '../../ts/backends/webgpu/shapes.js'
import type { Subject } from '../gpu/dispatches.js'
import type { OpenGpu } from '../gpu/open.js'
import { GPU_GROUP, type GpuPlan, kernelName, stepName, TILE_GROUP, tilesName, tileVariant } from '../gpu/plan.js'
import { PROBES, type ProbeSize, probeSize, probeSubject } from '../gpu/probes.js'
import { type FitData, fitSubject, kernelSubject, naiveSubject, stepSubject, transferSubject } from '../gpu/subjects.js'
import { calibrated, type Place, takeTurns } from '../gpu/turns.js'
import { madeUp, madeUpMatrix } from '../made-up.js'
import { type FitProblem, fitName, problemName } from '../problem.js'
import { type RowLabel, unsampledRow } from '../rows.js'
import type { Row, Unit } from '../schema.js'

/** What the page times in one go: rows of one problem, under the peaks of the same rounds. */
export interface Task {
  readonly kind: 'peaks' | 'iteration' | 'kernel'
  readonly problem: string
  readonly unit: Unit
  /** What takes turns with the probes. */
  open(gpu: OpenGpu): Promise<readonly Pick<Place, 'label' | 'subject' | 'units'>[]>
}

export interface RunOptions {
  readonly rounds: number
  readonly sampleSeconds: number
  readonly signal: AbortSignal
  /** Told what is going on. */
  say(text: string): void
  /** The rows of a task when it is done, without those of the peaks but in the first. */
  take(task: Task, rows: readonly Row[]): void
}

function dataOf(problem: FitProblem): FitData {
  const made = madeUp(problem)
  return { X: madeUpMatrix(problem), W: made.W(), H: made.H() }
}

function labelOf(gpu: OpenGpu, problem: string, unit: Unit, backend = 'webgpu', variant = ''): RowLabel {
  const words = [gpu.name, variant].filter(Boolean).join(' ')
  return { group: GPU_GROUP, problem, backend, variant: words, threads: 1, dtype: 'f32', unit }
}

function fitTask(problem: FitProblem, { transferred, races }: GpuPlan): Task {
  const name = fitName(problem)
  const isRace = races.some(race => fitName(race.problem) === name)
  return {
    kind: 'iteration',
    problem: name,
    unit: 'iteration',
    async open(gpu) {
      const data = dataOf(problem)
      const label = (backend?: string, variant?: string) => labelOf(gpu, name, 'iteration', backend, variant)
      const moved = { subject: transferSubject(gpu, problem, data), units: transferred }
      const naive = async () => ({
        label: label('naive-wgsl', 'one thread an entry'),
        subject: await naiveSubject(gpu, problem, data),
      })
      return [
        { label: label(), subject: await fitSubject(gpu, problem, data) },
        { label: label('webgpu', 'with upload and read-back'), ...moved },
        ...(isRace ? [await naive()] : []),
      ]
    },
  }
}

function single(problem: string, unit: Unit, make: (gpu: OpenGpu) => Promise<Subject>): Task {
  return {
    kind: 'kernel',
    problem,
    unit,
    open: async gpu => [{ label: labelOf(gpu, problem, unit), subject: await make(gpu) }],
  }
}

/** The shapes of a product against each other. */
function tileTask(kernel: ShapedKernel, problem: FitProblem): Task {
  const name = tilesName(kernel, problem)
  return {
    kind: 'kernel',
    problem: name,
    unit: 'call',
    async open(gpu) {
      const data = dataOf(problem)
      const places: Pick<Place, 'label' | 'subject'>[] = []
      for (const tile of SHAPES_OF[kernel]) {
        const label = { ...labelOf(gpu, name, 'call', 'webgpu', tileVariant(tile)), group: TILE_GROUP }
        places.push({ label, subject: await kernelSubject(gpu, kernel, problem, data, shapeNamed(tile)) })
      }
      return places
    },
  }
}

const PEAKS: Task = { kind: 'peaks', problem: problemName('peaks', 'f32', []), unit: 'pass', open: async () => [] }

/** All that a plan has, in the order of the page. */
export function tasksOf(plan: GpuPlan): readonly Task[] {
  return [
    PEAKS,
    ...plan.fits.map(problem => fitTask(problem, plan)),
    ...plan.kernels.flatMap(({ kernels, problem }) =>
      kernels.map(kernel =>
        single(kernelName(kernel, problem), 'call', gpu => kernelSubject(gpu, kernel, problem, dataOf(problem))),
      ),
    ),
    ...plan.tiles.flatMap(({ kernels, problem }) => kernels.map(kernel => tileTask(kernel, problem))),
    ...plan.steps.map(step => single(stepName(step), 'step', gpu => stepSubject(gpu, step.kernel, step.length))),
  ]
}

async function probes(gpu: OpenGpu, size: ProbeSize, options: RunOptions): Promise<readonly Place[]> {
  const places: Place[] = []
  for (const probe of PROBES) {
    options.say(`The probe ${probe}`)
    const label = labelOf(gpu, PEAKS.problem, 'pass', 'roofline', probe)
    const roof = probe === 'fma' ? 'arithmetic' : 'memory'
    places.push(await calibrated({ label, subject: await probeSubject(gpu, probe, size), roof }, options))
  }
  return places
}

async function runTask(
  gpu: OpenGpu,
  task: Task,
  roofs: readonly Place[],
  options: RunOptions,
): Promise<readonly Row[]> {
  let own: Awaited<ReturnType<Task['open']>> = []
  try {
    options.say(`${task.problem}: getting ready`)
    own = await task.open(gpu)
    const turns = {
      ...options,
      emulated: gpu.emulated,
      onRound: (round: number) => options.say(`${task.problem}: round ${round} of ${options.rounds}`),
    }
    const places = [
      ...own.map((place): Place => ({ ...place, under: 'either' })),
      ...roofs.map(roof => ({ ...roof, label: { ...roof.label, problem: task.problem } })),
    ]
    return await takeTurns(places, turns)
  } catch (error) {
    options.signal.throwIfAborted()
    const reason = error instanceof Error ? error.message : String(error)
    return [unsampledRow(labelOf(gpu, task.problem, task.unit), 'failed', reason)]
  } finally {
    for (const { subject } of own) subject.close()
  }
}

/** Runs tasks one after the other, each with the probes of the peaks. @throws the signal's reason where that ends it */
export async function runTasks(gpu: OpenGpu, tasks: readonly Task[], options: RunOptions): Promise<readonly Row[]> {
  const size = probeSize(gpu)
  const roofs = await probes(gpu, size, options)
  const rows: Row[] = []
  try {
    for (const task of tasks) {
      options.signal.throwIfAborted()
      // reading alone moves fewer bytes at once than copies do
      const own = task === PEAKS ? roofs : roofs.filter(({ label }) => !label.variant.endsWith(' read'))
      const done = await runTask(gpu, task, own, options)
      rows.push(...done)
      options.take(task, task === PEAKS ? done : done.filter(({ backend }) => backend !== 'roofline'))
    }
    return rows
  } finally {
    for (const { subject } of roofs) subject.close()
  }
}
