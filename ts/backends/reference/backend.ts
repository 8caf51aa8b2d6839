import type { Backend, Device, Probe } from '../backend.js'

/** The oracle of the other backends. Its formulas are loaded when it is opened. */
export const referenceBackend: Backend = {
  id: 'reference',
  async probe(): Promise<Probe> {
    return { available: true, emulated: false, info: { precision: 'float64' } }
  },
  async open(): Promise<Device> {
    const { ReferenceDevice } = await import('./device.js')
    return new ReferenceDevice()
  },
}
