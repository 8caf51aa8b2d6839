// What the adapters use of TensorFlow.js, so that neither its types nor its code are needed to build or to load them.

export interface TensorLike {
  readonly shape: readonly number[]
  readonly size: number
  dataSync(): ArrayLike<number>
  dispose(): void
}

export interface VariableLike extends TensorLike {
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: takes a tensor of its own library
  assign(value: any): void
}

/** The part of `tf` that `tfOptimizer` uses; every package of TensorFlow.js that trains has it. */
export interface TensorFlow {
  // biome-ignore lint/suspicious/noExplicitAny: abstract, and extended at run time
  readonly Optimizer: abstract new () => any
  engine(): { readonly registeredVariables: Readonly<Record<string, unknown>> }
  // biome-ignore lint/suspicious/noExplicitAny: shapes and ranks are the library's own types
  tensor(values: Float32Array, shape: any, dtype: 'float32'): any
}

interface NamedTensor {
  readonly name: string
  readonly tensor: TensorLike | null | undefined
}

export type NamedTensors = Readonly<Record<string, TensorLike>> | readonly NamedTensor[]

/** Gradients by the names of their variables; variables without one are left out. */
export function gradientsOf(given: NamedTensors): ReadonlyMap<string, TensorLike> {
  const list: readonly NamedTensor[] = Array.isArray(given)
    ? given
    : Object.entries(given).map(([name, tensor]) => ({ name, tensor }))
  return new Map(list.flatMap(({ name, tensor }) => (tensor ? [[name, tensor] as const] : [])))
}
