/** An environment variable, or undefined where there is none or no environment at all (browsers). */
export function environment(name: string): string | undefined {
  return globalThis.process?.env?.[name] || undefined
}

/** Bytes of memory that the machine has; undefined where nobody says, as in browsers. */
export function machineMemory(): number | undefined {
  return globalThis.process?.getBuiltinModule?.('node:os')?.totalmem()
}

/** How many threads the machine offers. */
export function availableThreads(): number {
  const os = globalThis.process?.getBuiltinModule?.('node:os')
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1
}
