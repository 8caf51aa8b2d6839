import { NonnegError } from '../../core/errors.js'

/** A worker as its owner sees it, the same in Node and in browsers. */
export interface Host {
  post(message: unknown, transfer?: readonly ArrayBuffer[]): void
  /** Whether the worker keeps a Node process alive; at first it does not. */
  hold(held: boolean): void
  terminate(): Promise<void>
}

export interface HostEvents {
  message(data: unknown): void
  /** The worker has failed, or has ended without being told to. */
  failure(error: Error): void
}

/** Whether workers can be started here. */
export function hasWorkers(): boolean {
  // asked of every program: those that never start one need not load Node's module for it
  return hasNodeThreads() || typeof globalThis.Worker === 'function'
}

function hasNodeThreads(): boolean {
  const { process } = globalThis
  return process?.versions?.node !== undefined && typeof process.getBuiltinModule === 'function'
}

function nodeThreads(): typeof import('node:worker_threads') | undefined {
  return hasNodeThreads() ? globalThis.process.getBuiltinModule('node:worker_threads') : undefined
}

/** Starts a worker from the text of its program, a classic script. */
export function startWorker(code: string, events: HostEvents): Host {
  const threads = nodeThreads()
  return threads ? startInNode(threads, code, events) : startInBrowser(code, events)
}

function startInNode({ Worker }: typeof import('node:worker_threads'), code: string, events: HostEvents): Host {
  // the program needs none of the process's own flags, such as loaders, and prints nothing: no streams are opened for it
  const worker = new Worker(code, { eval: true, execArgv: [], stdout: true, stderr: true, name: 'nonneg-wasm' })
  let ending = false
  worker.on('message', data => events.message(data))
  worker.on('error', error => events.failure(error instanceof Error ? error : new Error(String(error))))
  worker.on('messageerror', error => events.failure(error))
  worker.on('exit', status => {
    if (!ending) events.failure(new Error(`a wasm worker ended with status ${status}`))
  })
  // last, for listening to messages holds the process again
  worker.unref()
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    hold: held => (held ? worker.ref() : worker.unref()),
    async terminate() {
      ending = true
      await worker.terminate()
    },
  }
}

function startInBrowser(code: string, events: HostEvents): Host {
  const url = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }))
  let worker: Worker
  try {
    worker = new Worker(url, { name: 'nonneg-wasm' })
  } catch (cause) {
    URL.revokeObjectURL(url)
    throw new NonnegError('ERR_NONNEG_BACKEND', 'the page refuses to start a worker', { cause, fix: ALLOW_BLOB })
  }
  worker.onmessage = event => events.message(event.data)
  worker.onmessageerror = () => events.failure(new Error('a message of a wasm worker could not be read'))
  worker.onerror = event => {
    event.preventDefault()
    // a policy that forbids blob: workers is reported without a message
    events.failure(event.message ? new Error(event.message) : refused())
  }
  return {
    post(message, transfer = []) {
      worker.postMessage(message, [...transfer])
    },
    hold() {},
    async terminate() {
      worker.terminate()
      URL.revokeObjectURL(url)
    },
  }
}

const ALLOW_BLOB = 'allow `worker-src blob:` in the Content-Security-Policy'

function refused(): NonnegError {
  return new NonnegError('ERR_NONNEG_BACKEND', 'a wasm worker could not be loaded', { fix: ALLOW_BLOB })
}
