/** An environment variable, or undefined where there is none or no environment at all (browsers). */
export function environment(name: string): string | undefined {
  return globalThis.process?.env?.[name] || undefined
}

/** How many threads the machine offers. */
export function availableThreads(): number {
  const os = globalThis.process?.getBuiltinModule?.('node:os')
  return os?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1
}
