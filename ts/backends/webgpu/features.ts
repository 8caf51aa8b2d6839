/** The feature of WebGPU that half precision takes. */
export const HALF = 'shader-f16'

/** The feature of WebGPU by which threads hand values to each other without a barrier. */
export const SUBGROUPS = 'subgroups'
