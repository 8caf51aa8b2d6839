import { environment } from '../../core/environment.js'
import { NonnegError } from '../../core/errors.js'

/** How the entries of a dense product are dealt to threads: the overrides of shaders/staged.wgsl. */
export interface Shape {
  /** Entries that the threads which share what they load own together, down the product and across its ranks. */
  readonly name: ShapeName
  /** Threads that share what they load, along the ranks and down the rows. */
  readonly across: number
  readonly down: number
  /** Entries that each of them owns. */
  readonly rows: 4 | 8
  readonly ranks: 4 | 8
  /** Terms of the sums that they stage at once in the workgroup's memory; 0: each thread loads for itself. */
  readonly depth: number
}

/**
 * Every shape that there is, once. What bounds them:
 *
 * - Registers. 8 × 8 sums and 16 values of the two sides are 80: where 64 Ki are a multiprocessor's, 25 subgroups of 32 threads
 *   share it, and some multiply while others wait. 8 × 16 sums would be 152, which leaves room for 13.
 * - Workgroup memory. 12 KiB at most, of the 16 that every device grants: as GPUs have 32 to 128 a multiprocessor, two
 *   workgroups or more run side by side, and one loads while another multiplies.
 * - Threads. 64 at least, a subgroup or more on nearly every GPU, and 256 at most, which every device grants.
 */
const ALL = [
  // one thread, for itself: nothing waits for anything
  { name: '4x4', across: 1, down: 1, rows: 4, ranks: 4, depth: 0 },
  { name: '32x32', across: 8, down: 8, rows: 4, ranks: 4, depth: 16 },
  { name: '64x64', across: 8, down: 8, rows: 8, ranks: 8, depth: 16 },
  // narrow ranks leave few threads across: what is tall instead loads each value of X once
  { name: '128x16', across: 4, down: 16, rows: 8, ranks: 4, depth: 16 },
  { name: '128x32', across: 8, down: 16, rows: 8, ranks: 4, depth: 16 },
  { name: '128x64', across: 8, down: 16, rows: 8, ranks: 8, depth: 16 },
  // half the depth, as twice the threads stage it
  { name: '128x128', across: 16, down: 16, rows: 8, ranks: 8, depth: 8 },
] as const

export type ShapeName = (typeof ALL)[number]['name']

export const SHAPES: readonly Shape[] = ALL

/** Each thread for itself: no thread shares what it loads. */
export const UNSHARED: Shape = ALL[0]

export type ShapedKernel = 'xht_dense' | 'xtw_dense' | 'gram'

/** The shapes of each kernel, UNSHARED first and then by their width. */
export const SHAPES_OF: Readonly<Record<ShapedKernel, readonly ShapeName[]>> = {
  xht_dense: ['4x4', '128x16', '128x32', '128x64', '128x128'],
  xtw_dense: ['4x4', '128x16', '128x32', '128x64', '128x128'],
  // as high as it is wide: a tall one would be empty below the rank
  gram: ['4x4', '32x32', '64x64'],
}

/** What a device has for a workgroup. */
export type WorkgroupLimits = Pick<
  GPUSupportedLimits,
  | 'maxComputeInvocationsPerWorkgroup'
  | 'maxComputeWorkgroupSizeX'
  | 'maxComputeWorkgroupSizeY'
  | 'maxComputeWorkgroupStorageSize'
>

/** What the shapes of products are chosen by. */
export interface Shaping {
  /** Those that a kernel may take beside UNSHARED. */
  readonly among: readonly Shape[]
  /** The one that kernels that have it take for every product. */
  readonly forced?: Shape
}

export function heightOf({ down, rows }: Shape): number {
  return down * rows
}

export function widthOf({ across, ranks }: Shape): number {
  return across * ranks
}

/** Bytes of both staged sides. */
export function workgroupBytes(shape: Shape): number {
  return 4 * shape.depth * (heightOf(shape) + widthOf(shape))
}

/** Multiplications and additions for each byte that a workgroup loads: a term takes a column of one side and a row of the other. */
export function flopsPerByte(shape: Shape): number {
  const [height, width] = [heightOf(shape), widthOf(shape)]
  return (2 * height * width) / (4 * (height + width))
}

/** Tiles of a product of so many rows and ranks. */
export function tileCount(shape: Shape, rows: number, ranks: number): number {
  return Math.ceil(rows / heightOf(shape)) * Math.ceil(ranks / widthOf(shape))
}

/**
 * Threads of a product of so many rows and ranks. They keep a device busy together: of 8 × 8 sums each, an H100 took 311 µs for
 * 8192×8192 at rank 64 with about 65,000 threads, 417 µs with half as many, and no less with twice as many. Parts beyond what
 * keeps the device busy would only be written and read again.
 */
export function threadsOf(shape: Shape, rows: number, ranks: number): number {
  return tileCount(shape, rows, ranks) * shape.across * shape.down
}

/** The overrides that make a kernel's pipeline of this shape; none for that of single threads. */
export function overridesOf({ across, down, rows, ranks, depth }: Shape): Readonly<Record<string, number>> {
  return depth === 0 ? {} : { ACROSS: across, DOWN: down, ROWS: rows, RANKS: ranks, DEPTH: depth }
}

/** The limit that a shape is beyond, or undefined. */
export function limitBroken(
  shape: Shape,
  limits: WorkgroupLimits,
): { readonly limit: keyof WorkgroupLimits; readonly needed: number } | undefined {
  const { across, down, depth } = shape
  if (depth === 0) return undefined
  const needs: Readonly<Record<keyof WorkgroupLimits, number>> = {
    maxComputeInvocationsPerWorkgroup: across * down,
    maxComputeWorkgroupSizeX: across,
    maxComputeWorkgroupSizeY: down,
    maxComputeWorkgroupStorageSize: workgroupBytes(shape),
  }
  for (const limit of Object.keys(needs) as (keyof WorkgroupLimits)[]) {
    if (limits[limit] < needs[limit]) return { limit, needed: needs[limit] }
  }
  return undefined
}

/** A shape by its name. @throws NonnegError ERR_NONNEG_OPTION for a name that no shape has */
export function shapeNamed(name: string): Shape {
  const found = SHAPES.find(shape => shape.name === name)
  if (found) return found
  throw new NonnegError('ERR_NONNEG_OPTION', `NONNEG_WEBGPU_TILE is "${name}", which is no tile of a product`, {
    detail: { variable: 'NONNEG_WEBGPU_TILE', value: name },
    fix: `Set it to one of ${SHAPES.map(shape => shape.name).join(', ')}, or unset it.`,
  })
}

/** The shape that NONNEG_WEBGPU_TILE asks for. @throws NonnegError ERR_NONNEG_OPTION for a name that no shape has */
export function askedShape(): Shape | undefined {
  const name = environment('NONNEG_WEBGPU_TILE')
  return name === undefined ? undefined : shapeNamed(name)
}

/**
 * What shapes a device may take. A driver on the CPU runs the threads of a workgroup one after the other, and each barrier
 * makes it put all of their registers away: there every thread loads for itself.
 *
 * @param forced the shape to take wherever a kernel has it
 * @throws NonnegError ERR_NONNEG_OPTION where the device has no room for that
 */
export function shapingOf(limits: WorkgroupLimits, emulated: boolean, forced?: Shape): Shaping {
  const broken = forced && limitBroken(forced, limits)
  if (broken) {
    const { limit, needed } = broken
    const message = `the tile ${forced.name} needs ${limit} ${needed}, and the GPU device has ${limits[limit]}`
    throw new NonnegError('ERR_NONNEG_OPTION', message, {
      detail: { tile: forced.name, limit, value: limits[limit], needed },
      fix: 'Choose a smaller tile, or none.',
    })
  }
  const among = emulated ? [] : SHAPES.filter(shape => shape.depth > 0 && !limitBroken(shape, limits))
  return { among, forced }
}

/** Ranks up to which staging saves nothing: two threads at most would share a value of X. */
const FEW_RANKS = 8

/**
 * The shape of a product of so many rows and ranks, by what it loads.
 *
 * - The narrowest that holds all ranks: X is then loaded once, and as little is padded as that allows. Up to about rank 60 it
 *   is X that bounds a product on GPUs (rank/2 flops for each of its bytes), and padding costs nothing that is not idle.
 * - Beyond the widest, that of the two widest which pads less: there arithmetic bounds it.
 * - Where most of a tile would be empty (few rows, as in small batches, or few ranks), each thread for itself.
 */
export function shapeFor(kernel: ShapedKernel, rows: number, ranks: number, shaping?: Shaping): Shape {
  const { among = [], forced } = shaping ?? {}
  const listed = SHAPES_OF[kernel]
  if (forced && listed.includes(forced.name)) return forced
  const staged = among.filter(({ name }) => listed.includes(name)).sort((a, b) => widthOf(a) - widthOf(b))
  const held = staged.find(shape => widthOf(shape) >= ranks)
  const padded = (shape: Shape) => Math.ceil(ranks / widthOf(shape)) * widthOf(shape)
  const [narrow, wide = narrow] = staged.slice(-2)
  const best = held ?? (wide && padded(wide) > padded(narrow) ? narrow : wide)
  return best && ranks > FEW_RANKS && 2 * rows > heightOf(best) ? best : UNSHARED
}
