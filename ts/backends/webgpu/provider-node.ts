import { environment } from '../../core/environment.js'
import { type GpuProvider, type GpuSource, platformGpu } from './provider.js'
import { installSoftwareDriver } from './software-driver.js'

/** Dawn's entry point, as the optional package `webgpu` exports it. */
type Dawn = { create(options: string[]): unknown }

/**
 * Dawn's object must never be collected: its next event-loop callback would touch freed memory and end the process. A
 * module variable would go with a reloaded module, so it hangs on the global object, under a private symbol.
 */
const DAWN = Symbol.for('nonneg.dawn')
type Holder = { [DAWN]?: unknown }

// A variable keeps bundlers from following an optional package, whose binaries they could not carry anyway.
const PACKAGE = 'webgpu'

/** Dawn, once a process, with the features of its own that NONNEG_WEBGPU_DAWN names. */
async function dawn(): Promise<unknown> {
  const holder = globalThis as Holder
  if (!holder[DAWN]) {
    const { create } = (await import(PACKAGE)) as Dawn
    const features = environment('NONNEG_WEBGPU_DAWN')
    holder[DAWN] ??= create(features === undefined ? [] : [`enable-dawn-features=${features}`])
  }
  return holder[DAWN]
}

/** What ends the devices that are open. */
const open = new Set<() => void>()

function endAll(): void {
  for (const end of open) end()
}

/**
 * A driver may take its threads' data away while they still compute: SwiftShader then ends the process with a
 * segmentation fault. Ending a device waits for its work, so devices end before the process does.
 */
function endWithProcess(end: () => void): () => void {
  if (open.size === 0) globalThis.process.on('exit', endAll)
  open.add(end)
  return () => {
    open.delete(end)
    if (open.size === 0) globalThis.process.off('exit', endAll)
  }
}

function missing(reason: string, fix: string): GpuSource {
  return { found: false, reason, fix }
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n')[0].slice(0, 300)
}

/** Whether Linux has no Vulkan loader. Dawn would look too, but complains on standard error in words of its own. */
function lacksVulkan({ platform, dlopen }: NodeJS.Process): boolean {
  if (platform !== 'linux') return false
  try {
    dlopen({ exports: {} }, 'libvulkan.so.1')
    return false
  } catch (error) {
    // a loader that is there is no addon either, but that is another error
    return /cannot open shared object|Error loading shared library/.test(messageOf(error))
  }
}

/**
 * WebGPU outside browsers: the runtime's own where it has one (Deno), else Dawn through the optional package `webgpu`.
 * With NONNEG_WEBGPU=software (Node on linux-x64) it runs on the CPU, with the driver of the package
 * @sparticuz/chromium: for tests on machines without a GPU.
 */
export const nodeGpu: GpuProvider = {
  async find(): Promise<GpuSource> {
    const process = globalThis.process
    const wish = process?.env?.NONNEG_WEBGPU ?? ''
    if (wish !== '' && wish !== 'software') {
      return missing(`NONNEG_WEBGPU=${wish} is not known`, 'Unset NONNEG_WEBGPU, or set it to software.')
    }
    const gpu = platformGpu()
    if (gpu && wish === '') return { found: true, gpu, origin: 'navigator.gpu' }
    if (process?.versions?.bun) {
      return missing("Dawn's Node package does not run on Bun", 'Use Node or Deno for WebGPU.')
    }
    if (!process?.versions?.node)
      return missing('this runtime has no WebGPU', 'Use Node, Deno or a browser for WebGPU.')
    if (wish === 'software') {
      const problem = await installSoftwareDriver()
      if (problem) return missing(problem.reason, problem.fix)
    } else if (lacksVulkan(process)) {
      return missing('there is no Vulkan loader (libvulkan.so.1)', "Install the GPU's driver with Vulkan.")
    }
    try {
      const origin = wish === 'software' ? 'Dawn, software driver' : 'Dawn'
      return { found: true, gpu: await dawn(), origin, endWithProcess }
    } catch (error) {
      const code = (error as { code?: string }).code
      if (code === 'ERR_MODULE_NOT_FOUND') {
        return missing('the optional package webgpu is not installed', 'npm i webgpu')
      }
      return missing(`the package webgpu does not load: ${messageOf(error)}`, 'npm i webgpu@0.6.2')
    }
  },
}
