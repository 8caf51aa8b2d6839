import { Parser } from 'csv-parse/browser/esm'
import { csvReader, type ParseCsv } from './csv-reader.js'

/** `parseCsv` of csv.ts on the build of csv-parse that brings its own streams. */
export const parseCsv: ParseCsv = csvReader({
  open: options => new Parser({ ...options }),
  converter: () => {
    const decoder = new TextDecoder()
    return piece => decoder.decode(piece, { stream: true })
  },
})
