const UNITS: Readonly<Record<string, number>> = {
  ...{ '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 },
  ...{ kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 },
}

/** Bytes that a text names (8000000000, 1.5GB, `2 GiB`), rounded down; NaN where it is anything else, or nothing at all. */
export function bytesIn(text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? []
  const bytes = number === '' ? Number.NaN : Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? Number.NaN))
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : Number.NaN
}
