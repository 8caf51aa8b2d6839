import type { Picture } from './png.js'

/** A rectangle of a page, in CSS pixels from its upper left corner. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export type Colour = readonly [red: number, green: number, blue: number]

export function cropped({ width, height, pixels }: Picture, box: Box): Picture {
  const [left, top] = [Math.max(0, Math.round(box.x)), Math.max(0, Math.round(box.y))]
  const right = Math.min(width, Math.round(box.x + box.width))
  const bottom = Math.min(height, Math.round(box.y + box.height))
  const own = { width: Math.max(0, right - left), height: Math.max(0, bottom - top) }
  const inner = new Uint8Array(own.width * own.height * 3)
  for (let y = 0; y < own.height; y++) {
    const from = ((top + y) * width + left) * 3
    inner.set(pixels.subarray(from, from + own.width * 3), y * own.width * 3)
  }
  return { ...own, pixels: inner }
}

/** The means of square cells; those at the right and the lower edge may be smaller. */
export function shrunk({ width, height, pixels }: Picture, cell: number): Picture {
  const small = { width: Math.ceil(width / cell), height: Math.ceil(height / cell) }
  const means = new Uint8Array(small.width * small.height * 3)
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      const right = Math.min(width, (x + 1) * cell)
      const bottom = Math.min(height, (y + 1) * cell)
      const sums = [0, 0, 0]
      for (let py = y * cell; py < bottom; py++) {
        for (let px = x * cell; px < right; px++) {
          for (let c = 0; c < 3; c++) sums[c] += pixels[(py * width + px) * 3 + c]
        }
      }
      const count = (right - x * cell) * (bottom - y * cell)
      for (let c = 0; c < 3; c++) means[(y * small.width + x) * 3 + c] = Math.round(sums[c] / count)
    }
  }
  return { ...small, pixels: means }
}

/** For each pixel the largest difference of its three channels. Pictures of different sizes differ in every pixel. */
export function differences(a: Picture, b: Picture): Uint8Array {
  const isAlike = a.width === b.width && a.height === b.height
  if (!isAlike) return new Uint8Array(Math.max(a.width * a.height, b.width * b.height)).fill(255)
  return Uint8Array.from({ length: a.width * a.height }, (_, p) =>
    Math.max(...[0, 1, 2].map(c => Math.abs(a.pixels[3 * p + c] - b.pixels[3 * p + c]))),
  )
}

/** How far the levels of grey in a picture reach: 0 is blank. */
export function contrastIn({ pixels }: Picture): number {
  let [low, high] = [255 * 3, 0]
  for (let p = 0; p < pixels.length; p += 3) {
    const level = pixels[p] + pixels[p + 1] + pixels[p + 2]
    if (level < low) low = level
    if (level > high) high = level
  }
  return Math.max(0, high - low) / 3
}

/** The mean difference of the pixels of two pictures, after both are brought to one size. */
export function distanceBetween(a: Picture, b: Picture): number {
  const box = { x: 0, y: 0, width: Math.min(a.width, b.width), height: Math.min(a.height, b.height) }
  const apart = differences(cropped(a, box), cropped(b, box))
  return apart.reduce((sum, value) => sum + value, 0) / apart.length
}

/**
 * The middle of a line of one colour in each column of a picture, from the left; undefined where no pixel is near the
 * colour. `reach` is how far each channel may be off it.
 */
export function lineIn({ width, height, pixels }: Picture, colour: Colour, reach: number): (number | undefined)[] {
  return Array.from({ length: width }, (_, x) => {
    let [sum, count] = [0, 0]
    for (let y = 0; y < height; y++) {
      const at = (y * width + x) * 3
      const isNear = colour.every((value, c) => Math.abs(value - pixels[at + c]) <= reach)
      if (!isNear) continue
      sum += y
      count++
    }
    return count > 0 ? sum / count : undefined
  })
}
