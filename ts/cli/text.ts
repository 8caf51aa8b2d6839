import { styleText } from 'node:util'

type Style = Parameters<typeof styleText>[0]

/** Text in a style where the stream is a terminal that wants it (NO_COLOR, FORCE_COLOR), else as it is. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream): string {
  return styleText(style, text, { validateStream: true, stream })
}

/** Cuts a text into lines of at most `width` characters between its words. */
export function wrap(text: string, width: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1]
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}

/** 13714 as 13,714. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Four significant digits: 1,234,000, 0.05678, 1.234e-9. */
export function brief(value: number): string {
  if (value !== 0 && (value < 1e-4 || value >= 1e9)) return value.toExponential(3)
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 })
}

export function seconds(value: number): string {
  if (value < 120) return `${value.toFixed(value < 10 ? 2 : 1)} s`
  return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`
}
