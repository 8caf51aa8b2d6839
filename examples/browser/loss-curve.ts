const SVG = 'http://www.w3.org/2000/svg'
const MARGIN = { left: 62, right: 14, top: 10, bottom: 26 }
const NOTHING = 'Loss over iterations: nothing yet'
const MOST_POINTS = 500
/** The least share of the largest loss that the axis shows: below it are the roundings of f32, about 10⁻⁷ of ‖X‖². */
const DEPTH = 1e-6

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 4, notation: 'standard' })
const tiny = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, notation: 'scientific' })

/** A loss as the page writes it. */
export function lossText(loss: number): string {
  return loss !== 0 && (Math.abs(loss) < 1e-3 || Math.abs(loss) >= 1e7)
    ? tiny.format(loss).replace('E', 'e')
    : number.format(loss)
}

function element(name: string, attributes: Readonly<Record<string, string | number>>, text = ''): SVGElement {
  const made = document.createElementNS(SVG, name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value))
  made.textContent = text
  return made
}

/** About `count` round numbers from `low` to `high`. */
function roundTicks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * (rough / power < 1.5 ? 1 : rough / power < 3.5 ? 2 : rough / power < 7.5 ? 5 : 10)
  const first = Math.ceil(low / step)
  return Array.from({ length: Math.max(0, Math.floor(high / step) - first + 1) }, (_, i) => (first + i) * step)
}

/** Round numbers for a logarithmic axis. */
function logTicks(low: number, high: number): number[] {
  if (high / low < 8) return roundTicks(low, high, 4)
  const powers = roundTicks(Math.ceil(Math.log10(low)), Math.floor(Math.log10(high)), 4).filter(Number.isInteger)
  return powers.length > 2
    ? powers.map(power => 10 ** power)
    : [1, 2, 5]
        .flatMap(m => [0, 1, 2].map(i => m * 10 ** (Math.floor(Math.log10(low)) + i)))
        .filter(t => t >= low && t <= high)
}

/** The loss over the iterations, on a logarithmic axis. */
export class LossCurve {
  readonly #place: HTMLElement
  readonly #svg = element('svg', { role: 'img', 'aria-label': NOTHING })
  #losses: readonly number[] = []
  #iterations = 200

  constructor(place: HTMLElement) {
    this.#place = place
    place.append(this.#svg)
    new ResizeObserver(() => this.draw(this.#losses, this.#iterations)).observe(place)
  }

  draw(losses: readonly number[], iterations: number): void {
    this.#losses = losses
    this.#iterations = iterations
    const [width, height] = [this.#place.clientWidth, this.#place.clientHeight]
    const [right, bottom] = [width - MARGIN.right, height - MARGIN.bottom]
    this.#svg.setAttribute('viewBox', `0 0 ${width} ${height}`)
    const x = (iteration: number) => MARGIN.left + ((right - MARGIN.left) * iteration) / iterations
    const across = roundTicks(0, iterations, Math.max(2, Math.min(8, Math.floor(width / 90)))).filter(Number.isInteger)
    const parts = across.map(tick =>
      element('text', { x: x(tick), y: height - 6, 'text-anchor': 'middle' }, number.format(tick)),
    )
    if (losses.length === 0) {
      parts.push(element('path', { class: 'rule', d: `M${MARGIN.left} ${bottom}H${right}` }))
      this.#svg.replaceChildren(...parts)
      this.#svg.setAttribute('aria-label', NOTHING)
      return
    }
    const shown = sampled(losses)
    const high = Math.max(...shown.map(i => losses[i]), Number.MIN_VALUE)
    // a loss that came to 0 but for rounding ends at the bottom
    const low = Math.min(0.999 * high, Math.max(Math.min(...shown.map(i => losses[i])), high * DEPTH))
    const span = Math.log(high / low)
    const y = (loss: number) => bottom - ((bottom - MARGIN.top) * Math.log(Math.max(loss, low) / low)) / span
    const ticks = logTicks(low, high)
    // a single loss, and those that hardly differ, would have the same number beside several lines
    for (const tick of ticks.filter((t, i) => i === 0 || lossText(t) !== lossText(ticks[i - 1]))) {
      parts.push(element('path', { class: 'rule', d: `M${MARGIN.left} ${y(tick).toFixed(1)}H${right}` }))
      parts.push(element('text', { x: MARGIN.left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, lossText(tick)))
    }
    const points = shown.map(i => `${x(i + 1).toFixed(1)} ${y(losses[i]).toFixed(1)}`)
    parts.push(element('path', { class: 'line', d: `M${points.join('L')}` }))
    const [cx, cy] = points[points.length - 1].split(' ')
    parts.push(element('circle', { cx, cy, r: 3.5 }))
    this.#svg.replaceChildren(...parts)
    const words = `Loss over iterations: from ${lossText(losses[0])} to ${lossText(losses[losses.length - 1])} in ${losses.length}`
    this.#svg.setAttribute('aria-label', words)
  }
}

/** Places of so many losses that a line can show, the first and the last among them. */
function sampled(losses: readonly number[]): number[] {
  const count = Math.min(MOST_POINTS, losses.length)
  const step = count > 1 ? (losses.length - 1) / (count - 1) : 0
  return Array.from({ length: count }, (_, i) => Math.round(i * step))
}
