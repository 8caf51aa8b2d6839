import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { afterEach, type TestContext } from 'vitest'
import type { Device } from '../../ts/backends/backend.js'
import { cudaBackend } from '../../ts/backends/cuda/backend.js'
import { loadAddon } from '../../ts/backends/native/load.js'
import { registerBackends } from '../../ts/backends/registry.js'
import { deviceOf, presentOrSkip } from '../conformance/backends.js'

registerBackends([cudaBackend])

const settings = ['NONNEG_EMU_ORDER', 'NONNEG_EMU_MEMORY', 'NONNEG_EMU_FAIL']

afterEach(() => {
  for (const name of settings) delete process.env[name]
})

/** The device: emulated, unless NONNEG_CUDA is set to something else. */
export async function cuda(context: TestContext): Promise<Device> {
  await presentOrSkip('cuda', context)
  return await deviceOf('cuda')
}

/** The emulated device, for tests that steer the emulation: a real device does not serve them. */
export async function emulation(context: TestContext): Promise<Device> {
  const device = await cuda(context)
  if (!device.emulated) context.skip('the CUDA device is a real one')
  return device
}

function addonPath(): string {
  const loaded = loadAddon()
  if (!loaded.addon) throw new Error(loaded.reason)
  return loaded.path
}

/** What the addon finds in a process of its own, since it looks once in each. */
export function probeElsewhere(env: Readonly<Record<string, string | undefined>>): Record<string, unknown> {
  const script = `
    const addon = require(${JSON.stringify(addonPath())})
    addon.probeCuda().then(found => console.log(JSON.stringify(found)))`
  const done = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env: { ...process.env, ...env } })
  if (done.status !== 0) throw new Error(done.stderr)
  return JSON.parse(done.stdout)
}

/** The program native/test/check.cpp, with the parts it is to test. */
export function check(...parts: string[]): { status: number | null; stdout: string; stderr: string } {
  const folder = path.join(path.dirname(addonPath()), 'emulation')
  const env = { ...process.env, NONNEG_CUDA_LIBRARY: path.join(folder, 'libcuda.so.1') }
  return spawnSync(path.join(folder, 'nonneg_cuda_check'), parts, { encoding: 'utf8', env })
}
