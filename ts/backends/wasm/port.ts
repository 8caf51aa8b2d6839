/** A worker's connection to the thread that started it, the same in Node and in browsers. */
export interface Port {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void
  listen(handler: (message: unknown) => void): void
}

interface WorkerScope {
  postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void
  addEventListener(type: 'message', handler: (event: { data: unknown }) => void): void
}

export function parentPort(): Port {
  const port = globalThis.process?.getBuiltinModule?.('node:worker_threads')?.parentPort
  if (port) {
    return {
      post: (message, transfer = []) => port.postMessage(message, transfer),
      listen: handler => void port.on('message', handler),
    }
  }
  const scope = globalThis as unknown as WorkerScope
  return {
    post: (message, transfer = []) => scope.postMessage(message, transfer),
    listen: handler => scope.addEventListener('message', event => handler(event.data)),
  }
}
