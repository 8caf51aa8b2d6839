import type { MatrixView } from '../core/matrix.js'

/** A matrix as a file holds it; labels only where the file has them, as many as there are rows or columns. */
export interface LabelledMatrix<View extends MatrixView = MatrixView> {
  readonly matrix: View
  readonly rowLabels?: readonly string[]
  readonly columnLabels?: readonly string[]
}

/** Names for the rows and columns of a matrix that is written. */
export interface Labels {
  readonly rowLabels?: readonly string[]
  readonly columnLabels?: readonly string[]
}

export interface ParseOptions {
  /** What error messages call the source. Default: the kind of data. `readMatrix` sets it to the path. */
  readonly name?: string
  /** Looked at about every 5 ms; aborting rejects with ERR_NONNEG_ABORTED. */
  readonly signal?: AbortSignal
}

export interface TextParseOptions extends ParseOptions {
  /**
   * How numbers in text are stored: `'f64'` (default) keeps them as written, `'f32'` halves the memory and refuses
   * those beyond its range.
   */
  readonly dtype?: 'f32' | 'f64'
}
