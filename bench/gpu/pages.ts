import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { cudaPage } from '../cuda/page.js'
import { CUDA_GROUP } from '../cuda/plan.js'
import { type GpuBackend, gpuResults } from './files.js'
import { gpuPage } from './page.js'
import { GPU_GROUPS } from './plan.js'

/** What a GPU's backend has for itself: groups, for which `--backends` with its name stands, and the page of its results. */
interface Own {
  readonly groups: readonly string[]
  readonly page: string
  /** The page's text from what there is. */
  text(): string | Promise<string>
}

export const GPU_PAGES: Readonly<Record<GpuBackend, Own>> = {
  webgpu: {
    groups: GPU_GROUPS,
    page: path.join('docs', 'webgpu.md'),
    text: () => gpuPage(gpuResults('webgpu')),
  },
  cuda: {
    groups: [CUDA_GROUP],
    page: path.join('docs', 'cuda.md'),
    text: () => cudaPage(gpuResults('cuda')),
  },
}

export const GPU_BACKENDS = Object.keys(GPU_PAGES) as readonly GpuBackend[]

/** The backend whose groups, and no others, these are. */
export function gpuBackendOf(groups: readonly string[]): GpuBackend | undefined {
  return GPU_BACKENDS.find(backend => groups.every(name => GPU_PAGES[backend].groups.includes(name)))
}

/** Makes a backend's page again from what there is, and says which it is. */
export async function writeGpuPage(backend: GpuBackend): Promise<string> {
  const { page, text } = GPU_PAGES[backend]
  writeFileSync(page, await text())
  return page
}
