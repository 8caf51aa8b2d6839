/**
 * A `GPUDevice`, by some members that only one has: the declarations of this package need no WebGPU types.
 */
export interface GpuDeviceLike {
  readonly lost: Promise<unknown>
  readonly limits: object
  readonly queue: object
  createBuffer(descriptor: never): object
  createComputePipelineAsync(descriptor: never): Promise<unknown>
}

/** What a caller says of the GPU that WebGPU works on. */
export interface WebgpuOptions {
  /**
   * A device to work on, with the limits and features that it was requested with; without `requiredLimits` one binding
   * spans 128 MiB. It is never destroyed, and its uncaptured errors stay the caller's: all commands of fits and optimizers
   * run in error scopes of their own. What is made on it (compiled kernels, and three small buffers beside those of fits
   * that run) is kept for the next fit until `closeDevices`, or until it is lost. In Node the GPU object that it came from
   * (`create([])` of the package webgpu) must stay reachable, as Dawn may abort the process once it is collected.
   */
  readonly device?: GpuDeviceLike
  /**
   * Bytes that a fit may take of the GPU's memory, which WebGPU does not tell: X that has no room in that is streamed in
   * panels. Default: NONNEG_WEBGPU_MEMORY (8000000000, 8GB, 2GiB), else no limit but that of
   * the driver.
   */
  readonly memoryLimit?: number
  /**
   * Whether threads hand values to each other by subgroups, a feature of WebGPU: true demands it, false does without. Last bits
   * of results depend on it. Default: NONNEG_WEBGPU_SUBGROUPS (`on`, `off`), else where the GPU has it; a device that was passed
   * in has it if it was requested with `requiredFeatures: ['subgroups']`.
   */
  readonly subgroups?: boolean
}
