import type { BackendId } from '../backends/backend.js'
import type { WebgpuOptions } from '../backends/webgpu/options.js'
import { checkNames, checkObject, flag, refuse, whole } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'

const MEMBERS = ['createBuffer', 'createComputePipelineAsync'] as const

function checkDevice(device: unknown): void {
  const wanted = 'a GPUDevice'
  checkObject('webgpu.device', device, wanted)
  const like = device as Record<(typeof MEMBERS)[number], unknown>
  if (!MEMBERS.every(name => typeof like[name] === 'function')) throw refuse('webgpu.device', device, wanted)
}

/** What a caller says of the GPU goes with these names of a backend. */
export interface WebgpuChoice {
  /** A device that was passed in is asked for, unless another backend is. */
  readonly backend: BackendId | 'auto'
  /** Whether it is the device alone that names the backend. */
  readonly byDevice: boolean
  readonly webgpu: WebgpuOptions | undefined
}

/**
 * Checks what a caller says of the GPU.
 * @param mayMoveOn whether another backend than the one named may do the work
 * @throws NonnegError ERR_NONNEG_OPTION
 */
export function webgpuChoice(
  webgpu: WebgpuOptions | undefined,
  backend: BackendId | 'auto',
  mayMoveOn: boolean,
): WebgpuChoice {
  if (webgpu === undefined) return { backend, byDevice: false, webgpu }
  checkObject('webgpu', webgpu, '{ device, memoryLimit, subgroups }')
  checkNames(webgpu, ['device', 'memoryLimit', 'subgroups'], 'part of webgpu')
  const { device, memoryLimit, subgroups } = webgpu
  if (device !== undefined) checkDevice(device)
  if (memoryLimit !== undefined) whole('webgpu.memoryLimit', memoryLimit, 1)
  if (subgroups !== undefined) flag('webgpu.subgroups', subgroups)
  if (backend === 'auto')
    return device ? { backend: 'webgpu', byDevice: true, webgpu } : { backend, byDevice: false, webgpu }
  if (backend === 'webgpu' || mayMoveOn) return { backend, byDevice: false, webgpu }
  throw new NonnegError('ERR_NONNEG_OPTION', `webgpu is for backend: 'webgpu' or 'auto'; the backend is '${backend}'`, {
    detail: { option: 'webgpu', backend },
    fix: 'leave webgpu or backend out',
  })
}
