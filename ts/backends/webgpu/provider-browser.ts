import { type GpuProvider, type GpuSource, platformGpu } from './provider.js'

/** WebGPU as browsers and their workers offer it. */
export const browserGpu: GpuProvider = {
  async find(): Promise<GpuSource> {
    const gpu = platformGpu()
    if (gpu) return { found: true, gpu, origin: 'browser' }
    if (globalThis.isSecureContext === false) {
      return {
        found: false,
        reason: 'browsers offer WebGPU to secure contexts only, and this page is none',
        fix: 'Serve the page over https, or from localhost.',
      }
    }
    return {
      found: false,
      reason: 'this browser has no WebGPU',
      fix: 'Use a browser with WebGPU, such as a current Chrome, Edge, Firefox or Safari.',
    }
  },
}
