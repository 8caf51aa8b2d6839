// The program of the workers that step optimizers: each takes chunks until there are no more.

import { Views } from './heap.js'
import { parentPort } from './port.js'
import { runChunk, type VectorKernels, type VectorReply, type VectorStart, type VectorWork } from './vector-task.js'

function main(): void {
  const port = parentPort()
  let work: ((message: VectorWork) => void) | undefined
  port.listen(data => {
    const message = data as VectorStart | VectorWork
    if (message.kind === 'work') {
      let failure: string | undefined
      try {
        work?.(message)
      } catch (error) {
        failure = String(error)
      }
      port.post({ failure } satisfies VectorReply)
      return
    }
    const { module, memory, next, scratch } = message
    const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as VectorKernels
    const views = new Views(memory)
    work = ({ task }) => {
      for (let chunk = Atomics.add(next, 0, 1); chunk < task.chunkCount; chunk = Atomics.add(next, 0, 1)) {
        runChunk(kernels, views, task, chunk, scratch)
      }
    }
  })
}

main()
