import {
  flopsPerByte,
  heightOf,
  SHAPES,
  SHAPES_OF,
  type Shape,
  type ShapedKernel,
  shapeFor,
  widthOf,
  workgroupBytes,
} from '../../ts/backends/webgpu/shapes.js'
import { table } from '../report.js'
import { LARGE_ROOM } from './predictions.js'

const KERNELS = Object.keys(SHAPES_OF) as ShapedKernel[]

const tick = (text: string) => `\`${text}\``

function shapeTable(): string[] {
  const cells = (shape: Shape) => {
    const { name, across, down, rows, ranks, depth } = shape
    const own = KERNELS.filter(kernel => SHAPES_OF[kernel].some(one => one === name))
    return [
      tick(name),
      depth ? `${across} × ${down}` : 'each for itself',
      `${rows} × ${ranks}`,
      depth ? String(depth) : '–',
      String(workgroupBytes(shape)),
      flopsPerByte(shape).toFixed(1),
      // a term of its own entries takes a column of one side and a row of the other
      depth ? ((2 * rows * ranks) / (4 * (rows + ranks))).toFixed(1) : '–',
      own.map(tick).join(', '),
    ]
  }
  const head = ['tile', 'threads', 'entries of a thread', 'terms staged', 'bytes of workgroup memory']
  return table([...head, 'flops a byte loaded', 'flops a byte read there', 'kernels'], SHAPES.map(cells))
}

/** Ranks on both sides of where the choice changes. */
const RANKS = [8, 10, 16, 17, 32, 33, 64, 65, 128, 136, 200]

function choiceTable(): string[] {
  const rows = RANKS.map(rank => {
    const chosen = (kernel: ShapedKernel, height: number) => {
      const shape = shapeFor(kernel, height, rank, LARGE_ROOM.shaping)
      const padded = (length: number, step: number) => Math.ceil(length / step) * step
      const entries = padded(height, heightOf(shape)) * padded(rank, widthOf(shape))
      return `${tick(shape.name)}, ${((100 * height * rank) / entries).toFixed(0)} %`
    }
    return [String(rank), chosen('xht_dense', 4096), chosen('gram', rank)]
  })
  return table(['rank', '`xht_dense`, `xtw_dense` of 4096 rows', '`gram`'], rows)
}

/** The section of docs/webgpu.md on the shapes of dense products. */
export function tileSection(): string[] {
  return [
    '## Tiles of dense products',
    '',
    'Threads of a workgroup own a tile of a product together, by shapes that `ts/backends/webgpu/shapes.ts` lists: `128x32` is 128 rows × 32',
    'ranks. They stage both sides of the next terms of all sums in the workgroup’s memory (`shaders/staged.wgsl`), so that each value which',
    'is loaded serves a whole row or column of the tile. Shapes are `override` constants; a device gets those that its limits have room for.',
    '',
    ...shapeTable(),
    '',
    'Chosen on a GPU, by what is loaded and with how much of the tile in use:',
    '',
    ...choiceTable(),
    '',
    'A product of few rows is left to single threads, and so is every product where the driver computes on the CPU, for which barriers are',
    'expensive. On one GPU, an NVIDIA H100, the choice was the fastest shape at 4096 × 4096, rank 32: 128x32 took 69 µs for X·Hᵀ and 77 µs for',
    'Xᵀ·W, single threads 93 and 263 µs, and 32x32 took 7.0 µs for the Gram matrix of 4096 rows, single threads 18.4 µs (three rounds, before',
    'the kernels were tuned on it). Other ranks and GPUs have not been compared: `npm run bench -- --groups webgpu-tiles` and the page time every',
    'shape, and `NONNEG_WEBGPU_TILE=128x32` takes one of them wherever a kernel has it.',
    '',
  ]
}
