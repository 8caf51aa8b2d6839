import { expect } from 'vitest'
import type { Device, Factors, FitSpec, Problem } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { denseView } from '../../ts/core/matrix.js'
import { familyOf } from '../../ts/kernels/beta.js'
import type { Dtype } from './inputs.js'

/** Iterations of a fit, in two crossings, so that what a fit keeps between them is tested too. */
const CROSSINGS: readonly number[] = [4, 2]

const ITERATIONS = CROSSINGS.reduce((sum, iterations) => sum + iterations)

export const UNIT: Readonly<Record<Dtype, number>> = { f32: 2 ** -24, f64: 2 ** -53 }

/**
 * How many units of rounding a number of a trajectory may be off. Most are off by less than ten; but coordinate descent takes
 * differences, and an entry that few others determine passes on what it is told a hundredfold.
 */
export const OFF = 2 ** 11

/** The loss is a sum of terms of parts that cancel: this many units of what those add up to may be lost. */
export const LOST = 64

export interface Trajectory {
  readonly losses: Float64Array
  readonly violations: Float64Array
  readonly evaluated: number
  readonly factors: Factors
}

export async function trajectoryOn(
  device: Device,
  problem: Problem,
  spec: FitSpec,
  crossings: readonly number[] = CROSSINGS,
): Promise<Trajectory> {
  const fit = await device.createFit(problem, spec)
  try {
    const losses: number[] = []
    const violations: number[] = []
    for (const iterations of crossings) {
      const report = await fit.run(iterations)
      expect(report).toMatchObject({ iterations, stopped: 'done' })
      losses.push(...report.losses)
      violations.push(...report.violations)
    }
    const factors = await fit.factors()
    const evaluated = await fit.evaluate()
    return { losses: Float64Array.from(losses), violations: Float64Array.from(violations), evaluated, factors }
  } finally {
    await fit[Symbol.asyncDispose]()
  }
}

/** The loss of factors, as the reference has it. */
async function lossOf(problem: Problem, spec: FitSpec, { W, H }: Factors): Promise<number> {
  const { rows, columns } = problem.X
  const own = { ...problem, W: denseView(W, rows, spec.rank), H: denseView(H, spec.rank, columns) }
  const device = await referenceBackend.open()
  return await (await device.createFit(own, spec)).evaluate()
}

/** ‖a − b‖ / ‖b‖ */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [difference, norm] = [0, 0]
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return Math.sqrt(norm === 0 ? difference : difference / norm)
}

/** Whether theory has it that no iteration raises the loss itself. */
function falls({ beta, rule, penaltyW, penaltyH, maxW, maxH }: FitSpec): boolean {
  // a start above the bounds is brought down to them, whatever that does to the loss
  if (maxW !== undefined || maxH !== undefined) return false
  return (rule === 'mu' || beta === 2 || (rule === 'hals' && beta < 1)) && !penaltyW && !penaltyH
}

/** What is wrong with a trajectory; `scale` is what the terms of the loss add up to, about, without their signs. */
export async function faultsOf(
  own: Trajectory,
  reference: Trajectory,
  problem: Problem,
  spec: FitSpec,
  scale: number,
): Promise<string[]> {
  const faults: string[] = []
  const unit = UNIT[spec.dtype]
  const check = (what: string, value: number, bound: number) => {
    if (!(value <= bound)) faults.push(`${what}: ${value} is above ${bound}`)
  }
  const { losses, violations, factors, evaluated } = own
  for (const name of ['W', 'H'] as const) {
    const [list, wanted] = [factors[name], reference.factors[name]]
    if (list.length !== wanted.length) faults.push(`${name} has ${list.length} entries, not ${wanted.length}`)
    if (list.some(value => !(value >= 0))) faults.push(`${name} has entries that are not ≥ 0`)
    check(`distance of ${name}`, distance(list, wanted), OFF * unit)
  }
  const gram = familyOf(problem.X, spec.beta, problem.weights) === 'gram'
  const slack = (loss: number) => LOST * unit * (gram ? problem.squaredNorm : scale + loss)
  if (losses.length !== ITERATIONS) faults.push(`${losses.length} losses`)
  losses.forEach((loss, i) => {
    const wanted = reference.losses[i]
    check(`loss ${i + 1} from the reference's`, Math.abs(loss - wanted), OFF * unit * wanted + slack(wanted))
    if (i > 0 && falls(spec)) check(`rise of loss ${i + 1}`, loss - losses[i - 1], slack(loss))
  })
  const last = losses.at(-1)!
  check('loss as evaluated, from the last', Math.abs(evaluated - last), slack(last))
  check('last loss, from that of the factors', Math.abs(last - (await lossOf(problem, spec, factors))), slack(last))
  if (violations.length !== reference.violations.length) faults.push(`${violations.length} violations`)
  // a projected gradient is the difference of two sums, each of which holds every entry times the other factor, and whose
  // own terms round too
  const pulls = 8 * scale * spec.rank * Math.max(...reference.factors.W, ...reference.factors.H)
  violations.forEach((violation, i) => {
    const wanted = reference.violations[i]
    check(`violation ${i + 1} from the reference's`, Math.abs(violation - wanted), OFF * unit * wanted + unit * pulls)
  })
  return faults
}

/** The parts of two trajectories that are not the same bit for bit. */
export function differentBits(a: Trajectory, b: Trajectory): string[] {
  const parts = ({ losses, violations, evaluated, factors: { W, H } }: Trajectory) => {
    return { losses, violations, evaluated: Float64Array.of(evaluated), W, H }
  }
  const bytes = (list: Float32Array | Float64Array) => Buffer.from(list.buffer, list.byteOffset, list.byteLength)
  const [left, right] = [parts(a), parts(b)]
  return (['losses', 'violations', 'evaluated', 'W', 'H'] as const).filter(
    name => !bytes(left[name]).equals(bytes(right[name])),
  )
}
