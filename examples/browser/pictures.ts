const LEVELS = 256

function rgb(property: string): readonly number[] {
  const hex = getComputedStyle(document.documentElement).getPropertyValue(property).trim().slice(1)
  const six = hex.length === 3 ? hex.replace(/./g, '$&$&') : hex
  return [0, 2, 4].map(at => Number.parseInt(six.slice(at, at + 2), 16))
}

/** From paper to print in the colours of the style sheet, light or dark: one pixel a level. */
function makeRamp(): Uint32Array {
  const [paper, print] = [rgb('--paper'), rgb('--print')]
  const bytes = new Uint8ClampedArray(LEVELS * 4)
  for (let level = 0; level < LEVELS; level++) {
    const t = level / (LEVELS - 1)
    for (let c = 0; c < 3; c++) bytes[level * 4 + c] = paper[c] + (print[c] - paper[c]) * t
    bytes[level * 4 + 3] = 255
  }
  return new Uint32Array(bytes.buffer)
}

let ramp: Uint32Array | undefined
const dark = matchMedia('(prefers-color-scheme: dark)')

/** Calls when the colours of pictures have changed. */
export function onColours(redraw: () => void): void {
  dark.addEventListener('change', () => {
    ramp = undefined
    redraw()
  })
}

/** A canvas for pictures of this many columns of X. */
export function pictureCanvas(columns: number, width: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = width
  canvas.height = Math.ceil(columns / width)
  return canvas
}

/** Draws numbers as grey values, the largest darkest on light ground. */
export function drawPicture(canvas: HTMLCanvasElement, values: Float32Array): void {
  ramp ??= makeRamp()
  const context = canvas.getContext('2d')!
  const image = context.createImageData(canvas.width, canvas.height)
  const pixels = new Uint32Array(image.data.buffer)
  let most = 0
  for (const value of values) if (value > most) most = value
  const scale = most > 0 ? (LEVELS - 1) / most : 0
  for (let p = 0; p < pixels.length; p++) pixels[p] = ramp[p < values.length ? Math.round(values[p] * scale) : 0]
  context.putImageData(image, 0, 0)
}
