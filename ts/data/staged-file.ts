import { randomBytes } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { abortError, NonnegError } from '../core/errors.js'

/** A file that is whole but not yet in its place. */
export interface StagedFile {
  readonly path: string
  /** Puts it in its place, over what may be there, in one step. */
  commit(): Promise<void>
  discard(): Promise<void>
}

const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of the path is not a folder',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  EMFILE: 'too many files are open',
}

/** What the operating system said of a file, as one of this package's errors. */
export function fileError(verb: 'read' | 'write', file: string, cause: unknown): unknown {
  const { code, message } = cause as NodeJS.ErrnoException
  if (cause instanceof NonnegError || typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) return cause
  return new NonnegError('ERR_NONNEG_FILE', `cannot ${verb} ${file}: ${MEANINGS[code] ?? message}`, {
    detail: { file, code, operation: verb },
    cause,
  })
}

/** Writes next to the place meant, so that nobody ever sees half a file there. */
export async function stageFile(file: string, pieces: Iterable<Uint8Array>, signal?: AbortSignal): Promise<StagedFile> {
  const unique = randomBytes(6).toString('hex')
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${unique}.tmp`)
  const discard = () => rm(temporary, { force: true })
  try {
    const handle = await open(temporary, 'wx')
    try {
      for (const piece of pieces) {
        for (let at = 0; at < piece.length; ) at += (await handle.write(piece, at)).bytesWritten
        if (signal?.aborted) throw abortError(signal)
      }
    } finally {
      await handle.close()
    }
  } catch (cause) {
    await discard()
    throw fileError('write', file, cause)
  }
  const commit = async () => {
    try {
      await rename(temporary, file)
    } catch (cause) {
      await discard()
      throw fileError('write', file, cause)
    }
  }
  return { path: file, commit, discard }
}
