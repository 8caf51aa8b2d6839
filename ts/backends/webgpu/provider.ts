/** A WebGPU entry point that was found, or why there is none. `gpu` is the platform's GPU object (`navigator.gpu`). */
export type GpuSource =
  | {
      readonly found: true
      readonly gpu: unknown
      readonly origin: string
      /**
       * Where a process may not end with work under way: takes what ends a device, and returns what takes it back once
       * the device has ended.
       */
      endWithProcess?(end: () => void): () => void
    }
  | { readonly found: false; readonly reason: string; readonly fix: string }

export type FoundGpu = Extract<GpuSource, { found: true }>

/**
 * Where WebGPU comes from in this world: a browser's own, or Dawn in Node. Its GPU object is typed `unknown`, so that
 * the package's declarations need no WebGPU types.
 */
export interface GpuProvider {
  /** Never throws. */
  find(): Promise<GpuSource>
}

/** `navigator.gpu` where the runtime has one: browsers, their workers, Deno. */
export function platformGpu(): unknown {
  return (globalThis as { navigator?: { gpu?: unknown } }).navigator?.gpu
}
