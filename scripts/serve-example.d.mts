/** The page in a folder of its own, which any static server can serve; the folder is emptied first. */
export function bundleExample(out: string): Promise<void>
/** The page that measures WebGPU, in a folder of its own. */
export function bundleBench(out: string): Promise<void>
