import { readFile } from 'node:fs/promises'
import type { FileAccess } from '../core/file-access.js'
import { fileError, stageFile } from './staged-file.js'

/** Node's file system, for models and checkpoints. */
export const nodeFiles: FileAccess = {
  async read(file) {
    try {
      return await readFile(file)
    } catch (cause) {
      throw fileError('read', file, cause)
    }
  },
  async write(file, bytes) {
    const staged = await stageFile(file, [bytes])
    await staged.commit()
  },
}
