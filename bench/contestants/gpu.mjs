// A GPU through WebGPU: whole iterations, resident and with the way there and back, single kernels as fits dispatch them,
// an optimizer's step, the probes of the device's peaks, and a fit in naive shaders.
//   what=fit | transfer | naive | kernel | step | probe
//   only=hardware   leaves drivers on the CPU alone
import { nodeGpu } from '../../ts/backends/webgpu/provider-node.ts'
import { shapeNamed } from '../../ts/backends/webgpu/shapes.ts'
import { openGpu } from '../gpu/open.ts'
import { probeSubject } from '../gpu/probes.ts'
import { fitSubject, kernelSubject, naiveSubject, stepSubject, transferSubject } from '../gpu/subjects.ts'
import { parseFit } from '../problem.ts'
import { fitArrays } from './arrays.mjs'
import { Absent, serve, Unsupported } from './serve.mjs'

/** @type {import('../gpu/dispatches.ts').Subject} */
let subject

async function opened() {
  try {
    return await openGpu(nodeGpu)
  } catch (error) {
    throw new Absent(`${error.message}${error.fix ? ` (${error.fix})` : ''}`)
  }
}

/** @param {Record<string, string>} words */
function dataOf(words) {
  const { X, W, H, rows, columns } = fitArrays(words)
  const dense = () => ({ kind: 'dense', data: X.data, rows, columns, stride: columns, offset: 0 })
  return { X: X.data ? dense() : { kind: 'csr', ...X }, W: W.data, H: H.data }
}

const SUBJECTS = {
  probe: (gpu, words) => probeSubject(gpu, words.probe),
  step: (gpu, words) => stepSubject(gpu, words.kernel, Number(words.length)),
  kernel(gpu, words) {
    const shape = words.tile ? shapeNamed(words.tile) : undefined
    return kernelSubject(gpu, words.kernel, parseFit(words.problem), dataOf(words), shape)
  },
  naive: (gpu, words) => naiveSubject(gpu, parseFit(words.problem), dataOf(words)),
  fit: (gpu, words) => fitSubject(gpu, parseFit(words.problem), dataOf(words)),
  transfer: (gpu, words) => transferSubject(gpu, parseFit(words.problem), dataOf(words)),
}

await serve({
  async start(words) {
    const gpu = await opened()
    if (words.only === 'hardware' && gpu.emulated) throw new Absent(`WebGPU has ${gpu.name} alone`)
    if (!Object.hasOwn(SUBJECTS, words.what)) throw new Unsupported(`there is nothing called ${words.what}`)
    subject = await SUBJECTS[words.what](gpu, words)
    const { flops, bytes } = subject.work
    return { variant: gpu.name, flops, bytes, emulated: Number(gpu.emulated) }
  },
  run: units => subject.run(units),
  async loss() {
    if (!subject.loss) throw new Unsupported('it tells no loss')
    return await subject.loss()
  },
})
