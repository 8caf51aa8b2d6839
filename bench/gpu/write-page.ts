import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { gpuResults } from './files.js'
import { gpuPage } from './page.js'

export const GPU_PAGE = path.join('docs', 'webgpu.md')

/** Makes docs/webgpu.md again from what there is. */
export async function writeGpuPage(): Promise<void> {
  writeFileSync(GPU_PAGE, await gpuPage(gpuResults()))
}
