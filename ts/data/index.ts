export * from './api.js'
export { parseCsv } from './csv.js'
export { type ReadOptions, readMatrix, type WriteOptions, writeMatrix } from './files.js'
