import { NonnegError } from './errors.js'

/** Whole files, where there is a file system. */
export interface FileAccess {
  read(file: string): Promise<Uint8Array>
  /** Over what may be there, in one step: nobody ever sees half a file. */
  write(file: string, bytes: Uint8Array): Promise<void>
}

let access: FileAccess | undefined

/** Called by the entry points that run where there is one. */
export function provideFiles(given: FileAccess): void {
  access = given
}

/** @throws NonnegError ERR_NONNEG_UNSUPPORTED in a browser */
export function files(): FileAccess {
  if (access) return access
  throw new NonnegError('ERR_NONNEG_UNSUPPORTED', 'this entry point of nonneg reads and writes no files', {
    fix: 'use toBytes() and fromBytes()',
  })
}
