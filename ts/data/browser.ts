export * from './api.js'
export { parseCsv } from './csv-browser.js'
