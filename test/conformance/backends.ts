import v8 from 'node:v8'
import { afterAll, type TestContext } from 'vitest'
import type { BackendId, Device } from '../../ts/backends/backend.js'
import { loadAddon } from '../../ts/backends/native/load.js'
import { BACKEND_IDS, backendOf } from '../../ts/backends/registry.js'
import { features } from '../../ts/backends/wasm/probe.js'
import { probeBackend } from '../../ts/engine/probe.js'
import '../../ts/node.js'

/** A driver for WebGPU with half precision, which the software driver from npm has not. */
export const HALF_DRIVER = 'webgpu-f16'

/** A driver of the system for WebGPU whose subgroups have another size than those of the software driver from npm. */
export const SUBGROUP_DRIVER = 'webgpu-subgroups'

/** Backends whose absence is a failure: NONNEG_REQUIRE, a list of ids, and drivers for WebGPU that must be there too. */
export const required: readonly string[] = (process.env.NONNEG_REQUIRE ?? 'reference,wasm').split(',').filter(Boolean)

for (const id of required) {
  const isKnown = [HALF_DRIVER, SUBGROUP_DRIVER, ...BACKEND_IDS].includes(id)
  if (!isKnown) throw new Error(`NONNEG_REQUIRE names "${id}", which is no backend`)
}

/** Goes on where the backend is present, fails where it is required and absent, and otherwise skips with the reason. */
export async function presentOrSkip(id: BackendId, context: TestContext): Promise<void> {
  const report = await probeBackend(id)
  if (report.available) return
  if (required.includes(id)) throw new Error(`${id} is required and absent: ${report.reason} (${report.fix})`)
  context.skip(`absent: ${report.reason}`)
}

/** One way to run a backend, as environment variables ask for it. */
export interface Variant {
  readonly name: string
  readonly id: BackendId
  readonly env: Readonly<Record<string, string>>
}

function variantsOf(id: BackendId): Variant[] {
  const isas = id === 'native' ? (loadAddon().addon?.isas ?? []) : []
  if (isas.length > 0) return isas.map(isa => ({ name: `native ${isa}`, id, env: { NONNEG_ISA: isa } }))
  if (id !== 'wasm') return [{ name: id, id, env: {} }]
  return ['plain', 'relaxed'].map(build => ({ name: `wasm ${build}`, id, env: { NONNEG_WASM: build } }))
}

/** Every backend in every way: all instruction sets that this machine has, all builds. */
export const VARIANTS: readonly Variant[] = BACKEND_IDS.flatMap(variantsOf)

/** WebGPU as on GPUs without subgroups, which the software driver has: for the kernels that this makes others of. */
export const WITHOUT_SUBGROUPS: Variant = {
  name: 'webgpu without subgroups',
  id: 'webgpu',
  env: { NONNEG_WEBGPU_SUBGROUPS: 'off' },
}

async function open({ id, env }: Variant, threads: number | undefined): Promise<Device> {
  // Node 20 has relaxed SIMD behind a flag, which later versions do not know any more
  if (env.NONNEG_WASM === 'relaxed' && !features().relaxedSimd) {
    v8.setFlagsFromString('--experimental-wasm-relaxed-simd')
  }
  Object.assign(process.env, env)
  try {
    return await backendOf(id)!.open({ threads })
  } finally {
    for (const name of Object.keys(env)) delete process.env[name]
  }
}

const devices = new Map<string, Promise<Device>>()

/** One device a variant and thread count for a whole test file; of a backend by name, as it is where nothing is asked for. */
export function deviceOf(which: Variant | BackendId, threads?: number): Promise<Device> {
  const variant = typeof which === 'string' ? { name: which, id: which, env: {} } : which
  const key = `${variant.name}:${threads ?? ''}`
  let device = devices.get(key)
  if (!device) {
    device = open(variant, threads)
    devices.set(key, device)
  }
  return device
}

afterAll(async () => {
  for (const device of devices.values()) await (await device)[Symbol.asyncDispose]()
  devices.clear()
})
