export { type ErrorCode, NonnegError } from '../core/errors.js'
export * from './api.js'
