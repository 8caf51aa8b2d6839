import '../browser.js'

export * from './api.js'
