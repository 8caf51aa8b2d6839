import { drawPicture, pictureCanvas } from './pictures.js'

/** How a component is shown: as a picture so many columns wide, or by its largest columns, named. */
export type View =
  | { readonly kind: 'pictures'; readonly width: number }
  | { readonly kind: 'lists'; readonly labels: readonly string[] | undefined }

const LIST_LENGTH = 8
/** So many numbers are drawn in a few milliseconds; components beyond them are left out. */
const MOST_NUMBERS = 1 << 19
const MOST_SHOWN = 100
/** Of a frame: what a browser takes to show a canvas that has changed is more than to draw it, and nobody gives that back. */
const MOST_A_FRAME = 8

type Draw = (values: Float32Array) => void

/** The rows of H, each as a figure that is made once and drawn anew in place, some of them at a time. */
export class ComponentsView {
  readonly #place: HTMLElement
  readonly #more: HTMLElement
  #draws: Draw[] = []
  #view: View = { kind: 'lists', labels: undefined }
  #columns = 0
  #shown = 0
  #H: Float32Array = new Float32Array(0)
  /** The component that is drawn next, and how many are still to be drawn. */
  #next = 0
  #left = 0

  constructor(place: HTMLElement, more: HTMLElement) {
    this.#place = place
    this.#more = more
  }

  /** Makes room for the components of a fit. */
  begin(rank: number, columns: number, view: View): void {
    this.#shown = Math.max(1, Math.min(rank, MOST_SHOWN, Math.floor(MOST_NUMBERS / columns)))
    this.#columns = columns
    this.#view = view
    this.#draws = []
    this.#next = 0
    this.#left = 0
    this.#place.dataset.view = view.kind
    this.#place.replaceChildren()
    const missing = this.#shown < rank ? [`${this.#shown} of ${rank} are shown.`] : []
    const meaning = view.kind === 'lists' ? ['The largest columns of each; bars are shares of the largest.'] : []
    this.#more.textContent = [...meaning, ...missing].join(' ')
  }

  /** Takes the components that are to be drawn from now on. */
  show(H: Float32Array): void {
    this.#H = H
    this.#left = this.#shown
  }

  /** Draws until about a time of `performance.now()`, and says whether all is drawn; the next call goes on with the rest. */
  drawUntil(end: number): boolean {
    for (let drawn = 0; this.#left > 0 && drawn < MOST_A_FRAME && performance.now() < end; drawn++) {
      const i = this.#next
      this.#draws[i] ??= this.#make(i + 1)
      this.#draws[i](this.#H.subarray(i * this.#columns, (i + 1) * this.#columns))
      this.#next = (i + 1) % this.#shown
      this.#left--
    }
    return this.#left === 0
  }

  #make(number: number): Draw {
    const view = this.#view
    const { figure, draw } =
      view.kind === 'pictures' ? picture(number, this.#columns, view.width) : list(number, view.labels)
    this.#place.append(figure)
    return draw
  }
}

function figureOf(number: number, content: HTMLElement): HTMLElement {
  const figure = document.createElement('figure')
  const caption = document.createElement('figcaption')
  caption.textContent = String(number)
  figure.append(content, caption)
  return figure
}

function picture(number: number, columns: number, width: number): { figure: HTMLElement; draw: Draw } {
  const canvas = pictureCanvas(columns, width)
  canvas.setAttribute('role', 'img')
  canvas.setAttribute('aria-label', `Component ${number}`)
  return { figure: figureOf(number, canvas), draw: values => drawPicture(canvas, values) }
}

function list(number: number, labels: readonly string[] | undefined): { figure: HTMLElement; draw: Draw } {
  const items = Array.from({ length: LIST_LENGTH }, () => document.createElement('li'))
  const ol = document.createElement('ol')
  ol.append(...items)
  const draw = (values: Float32Array) => {
    const places = largest(values)
    items.forEach((item, i) => {
      const value = i < places.length ? values[places[i]] : 0
      item.hidden = value <= 0
      if (item.hidden) return
      item.textContent = labels?.[places[i]] ?? `column ${places[i] + 1}`
      // long names are cut off
      item.title = item.textContent
      item.style.setProperty('--share', `${((100 * value) / values[places[0]]).toFixed(1)}%`)
    })
  }
  return { figure: figureOf(number, ol), draw }
}

/** Places of the largest numbers, largest first, in one walk. */
function largest(values: Float32Array): number[] {
  const places: number[] = []
  for (let j = 0; j < values.length; j++) {
    if (places.length === LIST_LENGTH && values[j] <= values[places[LIST_LENGTH - 1]]) continue
    const at = places.findIndex(place => values[j] > values[place])
    places.splice(at < 0 ? places.length : at, 0, j)
    places.length = Math.min(places.length, LIST_LENGTH)
  }
  return places
}
