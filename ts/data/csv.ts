import { Parser } from 'csv-parse'
import { csvReader, type ParseCsv } from './csv-reader.js'

/**
 * Reads comma-separated numbers as a dense matrix, from text or bytes. Blank lines are skipped, quotes and blanks around
 * cells are taken off; every line must have as many cells as the first, and every cell must be a finite decimal number.
 *
 * Whether there are names is seen from the first two lines, unless `header` and `rowLabels` say so:
 * - the first cell of each line is the row's name when it is a number in neither of them; when the first line
 *   starts with an empty cell followed by names or by 0, 1, 2, … (as pandas and R write it), or with an empty cell above
 *   a name; or when the first line is nothing but names, one fewer than the second has cells;
 * - the first line holds the columns' names when none of its cells, apart from that above the row names, is a number;
 *   or for either of the last two reasons above.
 *
 * A line of only numbers is data, and so a file of only numbers has no labels.
 * @throws NonnegError ERR_NONNEG_FORMAT naming line and column (the cell's number, from 1), ERR_NONNEG_ABORTED
 */
export const parseCsv: ParseCsv = csvReader({
  open: options => new Parser({ ...options }),
  converter: () => piece => Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength),
})
