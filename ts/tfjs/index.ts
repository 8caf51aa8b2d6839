import '../index.js'

export * from './api.js'
