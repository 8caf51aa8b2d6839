// What is wrong with how a page looks, told by the page itself. The function runs in the browser and takes nothing from here.

/** Faults, each in words, with the text or the element that has it. */
export function lookForFaults(): string[] {
  const READABLE = 4.5
  const VISIBLE = 3
  /** Boxes of lines of text are higher than their letters, and round to pixels. */
  const SLACK = 3
  const faults: string[] = []
  type Rgba = readonly [number, number, number, number]
  const painter = document.createElement('canvas').getContext('2d', { willReadFrequently: true })!

  /** Any colour that a style may have, by painting it. */
  function rgba(colour: string): Rgba {
    painter.clearRect(0, 0, 1, 1)
    painter.fillStyle = colour
    painter.fillRect(0, 0, 1, 1)
    const [r, g, b, a] = painter.getImageData(0, 0, 1, 1).data
    return [r, g, b, a / 255]
  }

  function over([r, g, b, a]: Rgba, ground: Rgba): Rgba {
    const mix = (top: number, below: number) => top * a + below * (1 - a)
    return [mix(r, ground[0]), mix(g, ground[1]), mix(b, ground[2]), 1]
  }

  /** WCAG 2.2, "relative luminance". */
  function luminance([r, g, b]: Rgba): number {
    const [red, green, blue] = [r, g, b].map(value => {
      const part = value / 255
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }

  function contrast(a: Rgba, b: Rgba): number {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x)
    return (light + 0.05) / (dark + 0.05)
  }

  /** The grounds that an element may stand on: more than one where a picture made of colours lies over some of it. */
  function groundsOf(element: Element | null): Rgba[] {
    if (!element) return [[255, 255, 255, 1]]
    const { backgroundColor, backgroundImage } = getComputedStyle(element)
    const below = groundsOf(element.parentElement).map(ground => over(rgba(backgroundColor), ground))
    const stripes = backgroundImage.match(/(rgba?|color|oklab)\([^()]*\)/g) ?? []
    return [...below, ...stripes.flatMap(stripe => below.map(ground => over(rgba(stripe), ground)))]
  }

  const isSeen = (element: Element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  const nameOf = (element: Element) => `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ''}`
  const isOff = (element: Element) => element.closest(':disabled') !== null

  /** The part of a box that no element around it cuts off. */
  function shownOf(element: Element, box: DOMRect): DOMRect {
    let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom]
    for (let around = element.parentElement; around; around = around.parentElement) {
      if (around === document.body || getComputedStyle(around).overflow === 'visible') continue
      const edge = around.getBoundingClientRect()
      left = Math.max(left, edge.left)
      top = Math.max(top, edge.top)
      right = Math.min(right, edge.right)
      bottom = Math.min(bottom, edge.bottom)
    }
    return new DOMRect(left, top, Math.max(0, right - left), Math.max(0, bottom - top))
  }

  interface Piece {
    readonly element: Element
    readonly words: string
    readonly box: DOMRect
  }
  const pieces: Piece[] = []
  const note = (element: Element, words: string, whole: DOMRect) => {
    const box = shownOf(element, whole)
    // what is hardly there hides a field of its own behind its label
    if (box.width > 1 && box.height > 1) pieces.push({ element, words, box })
  }

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const text = walker.currentNode as Text
    const element = text.parentElement!
    if (text.data.trim() === '' || element.closest('option, script, style') || !isSeen(element)) continue
    const words = JSON.stringify(text.data.trim().slice(0, 40))
    const range = document.createRange()
    range.selectNodeContents(text)
    for (const box of range.getClientRects()) note(element, words, box)
    if (isOff(element)) continue
    const style = getComputedStyle(element)
    const ink = rgba(element instanceof SVGElement ? style.fill : style.color)
    for (const ground of groundsOf(element)) {
      const ratio = contrast(over(ink, ground), ground)
      if (ratio < READABLE) faults.push(`${words} has the contrast ${ratio.toFixed(2)}`)
    }
  }

  for (const element of document.querySelectorAll('input, select, button, canvas, svg, progress')) {
    if (!isSeen(element)) continue
    note(element, nameOf(element), element.getBoundingClientRect())
    const { borderTopWidth, borderTopColor } = getComputedStyle(element)
    if (isOff(element) || borderTopWidth === '0px' || !element.matches('input, select, button')) continue
    for (const ground of groundsOf(element.parentElement)) {
      const ratio = contrast(over(rgba(borderTopColor), ground), ground)
      if (ratio < VISIBLE) faults.push(`the edge of ${nameOf(element)} has the contrast ${ratio.toFixed(2)}`)
    }
  }
  for (const line of document.querySelectorAll('svg .line')) {
    for (const ground of groundsOf(line)) {
      const ratio = contrast(over(rgba(getComputedStyle(line).stroke), ground), ground)
      if (ratio < VISIBLE) faults.push(`the line has the contrast ${ratio.toFixed(2)}`)
    }
  }

  const page = document.documentElement
  if (page.scrollWidth > page.clientWidth) faults.push(`the page is ${page.scrollWidth - page.clientWidth} px too wide`)
  for (const { element, words, box } of pieces) {
    if (box.left < -1 || box.right > page.clientWidth + 1) faults.push(`${words} is out of the page`)
    const card = element.closest('.card, .notice, figure')?.getBoundingClientRect()
    if (card && (box.right > card.right + 1 || box.bottom > card.bottom + 1)) {
      faults.push(`${words} is out of its card`)
    }
    const control = element.closest('button')?.getBoundingClientRect()
    if (control && (box.left < control.left || box.right > control.right)) faults.push(`${words} is out of its button`)
  }

  const boxes = [...document.querySelectorAll('.card, .notice, figure')].filter(isSeen).map(element => ({
    element,
    words: `${nameOf(element)} with ${JSON.stringify((element.textContent ?? '').trim().slice(0, 20))}`,
    box: element.getBoundingClientRect(),
  }))
  for (const list of [pieces, boxes]) {
    list.forEach((a, i) => {
      for (const b of list.slice(i + 1)) {
        if (a.element.contains(b.element) || b.element.contains(a.element)) continue
        const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left)
        const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top)
        if (width > 1 && height > SLACK) faults.push(`${a.words} and ${b.words} overlap by ${width.toFixed(0)} px`)
      }
    })
  }
  return faults
}
