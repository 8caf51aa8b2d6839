/** A scale of a chart, from its lower to its upper end. */
export interface Scale {
  readonly kind: 'linear' | 'log'
  readonly from: number
  readonly to: number
}

/** A place on a scale that is named. */
export interface Tick {
  readonly value: number
  readonly label: string
}

/** Where a value lies on a scale: 0 at the lower end, 1 at the upper one. */
export function share({ kind, from, to }: Scale, value: number): number {
  return kind === 'log' ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from)
}

/** About so many multiples of 1, 2 or 5 times a power of ten. */
function evenly(from: number, to: number, about: number): { values: readonly number[]; step: number } {
  const rough = (to - from) / about
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * [1, 2, 5, 10].find(factor => factor * power >= rough * (1 - 1e-9))!
  const first = Math.ceil(from / step - 1e-9)
  const count = Math.floor(to / step + 1e-9) - first + 1
  return { values: Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12))), step }
}

/** Powers of ten between the ends, and where they are few 2 and 5 times them, or where they are many each second one and so on. */
function decades(from: number, to: number, about: number): readonly number[] {
  const [first, last] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))]
  const within = Math.log10(to / from)
  const factors = within < 3 ? [1, 2, 5] : [1]
  const stride = Math.max(1, Math.ceil(within / about))
  const values: number[] = []
  for (let power = Math.ceil(first / stride) * stride; power <= last; power += stride) {
    values.push(...factors.map(factor => Number(`${factor}e${power}`)))
  }
  return values.filter(value => value >= from * (1 - 1e-9) && value <= to * (1 + 1e-9))
}

/** Enough digits to tell values a step apart; 12,300,000 is 12.3M, and what is far from 1 has a power of ten. */
function label(value: number, step: number): string {
  const size = Math.abs(value)
  const digits =
    size === 0
      ? 1
      : Math.min(
          12,
          Math.max(1, 1 + Math.floor(Math.log10(size * (1 + 1e-9))) - Math.floor(Math.log10(step * (1 + 1e-9)))),
        )
  if (size !== 0 && (size < 1e-4 || size >= 1e12)) {
    const [mantissa, power] = value.toExponential(digits - 1).split('e')
    return `${Number(mantissa) === 1 ? '' : `${Number(mantissa)}·`}10${superscript(Number(power))}`
  }
  return value.toLocaleString('en-US', {
    notation: size >= 1e4 ? 'compact' : 'standard',
    maximumSignificantDigits: digits,
  })
}

function superscript(power: number): string {
  return [...String(power)].map(digit => (digit === '-' ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)])).join('')
}

/** Named places on a scale, about so many; scales of logarithms that span little are ticked evenly. */
export function ticks({ kind, from, to }: Scale, about: number): readonly Tick[] {
  if (kind === 'log' && to / from > 20) {
    return decades(from, to, about).map(value => ({ value, label: label(value, value) }))
  }
  const { values, step } = evenly(from, to, about)
  return values.map(value => ({ value, label: label(value, step) }))
}
