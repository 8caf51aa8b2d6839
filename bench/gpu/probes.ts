import { USAGE } from '../../ts/backends/webgpu/gpu.js'
import { Dispatches, type Subject } from './dispatches.js'
import type { OpenGpu } from './open.js'
import { compiled, stepOf } from './own-shader.js'

/** What a device can do at most, measured by shaders that do nothing else. */
export const PROBES = ['fma', 'copy', 'read', 'triad'] as const
export type Probe = (typeof PROBES)[number]
type Stream = Exclude<Probe, 'fma'>

const WORKGROUP = 256
/** Multiply-adds that a thread of the arithmetic probe does to each of its values. */
const ROUNDS = 256
/** Vectors of four: no multiply-add waits for the one before it. */
const VECTORS = 8
const MIB = 2 ** 20
/** Workgroups of the memory probes at most: every GPU is busy with so many, and each thread then has a few vectors. */
const MOST_GROUPS = 16_384

/** Threads of the arithmetic probe, and bytes of each array of those of memory. */
export interface ProbeSize {
  readonly threads: number
  readonly bytes: number
}

/** Beyond the caches of large GPUs. A driver on the CPU gets small arrays: its figures say nothing of a GPU anyway. */
export function probeSize({ emulated, gpu }: OpenGpu): ProbeSize {
  if (emulated) return { threads: 2048, bytes: 4 * MIB }
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.device.limits
  return { threads: 2 ** 20, bytes: Math.min(256 * MIB, maxStorageBufferBindingSize, maxBufferSize) }
}

const all = (text: (v: number) => string, separator: string) =>
  Array.from({ length: VECTORS }, (_, v) => text(v)).join(separator)

/** Independent chains of multiply-adds in registers. Factor and term come from outside, so that no compiler folds them. */
const FMA = `
@group(0) @binding(0) var<uniform> p: vec4f;
@group(0) @binding(1) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let start = vec4f(f32(id.x % 1024u)) * p.z;
  let factor = vec4f(p.x);
  let term = vec4f(p.y);
  ${all(v => `var v${v} = start + ${v}.0;`, '\n  ')}
  for (var round = 0; round < ${ROUNDS}; round++) {
    ${all(v => `v${v} = fma(v${v}, factor, term);`, '\n    ')}
  }
  let sum = ${all(v => `v${v}`, ' + ')};
  out[id.x] = sum.x + sum.y + sum.z + sum.w;
}`

interface StreamShader {
  /** Arrays that are read, before the one that is written. */
  readonly reads: readonly string[]
  readonly body: string
  readonly end?: string
  /** Arrays that move. */
  readonly streams: number
}

const STREAMS: Readonly<Record<Stream, StreamShader>> = {
  copy: { reads: ['b'], body: 'a[i] = b[i];', streams: 2 },
  // a sum that nobody uses would not be formed; the arrays hold zeros, so this is never stored
  read: { reads: ['b'], body: 'sum += b[i];', end: 'if (sum.x != 0) { a[id.x] = sum; }', streams: 1 },
  triad: { reads: ['b', 'c'], body: 'a[i] = b[i] + 0.5 * c[i];', streams: 3 },
}

function streamCode({ reads, body, end = '' }: StreamShader): string {
  const names = [...reads, 'a']
  const arrays = names.map((name, at) => {
    const access = name === 'a' ? 'read_write' : 'read'
    return `@group(0) @binding(${at + 1}) var<storage, ${access}> ${name}: array<vec4f>;`
  })
  return `
@group(0) @binding(0) var<uniform> p: vec4u;
${arrays.join('\n')}

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  ${end ? 'var sum = vec4f();' : ''}
  for (var i = id.x; i < p.x; i += groups.x * ${WORKGROUP}u) {
    ${body}
  }
  ${end}
}`
}

async function made(
  open: OpenGpu,
  probe: Probe,
  code: string,
  o: { words: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>; arrays: readonly number[]; groups: number },
  work: Subject['work'],
): Promise<Subject> {
  const { gpu } = open
  const pipeline = await compiled(gpu, probe, code)
  const uniforms = await gpu.buffer(o.words.byteLength, USAGE.UNIFORM | USAGE.COPY_DST)
  gpu.device.queue.writeBuffer(uniforms, 0, o.words)
  const buffers = [uniforms]
  for (const bytes of o.arrays) buffers.push(await gpu.buffer(bytes, USAGE.STORAGE))
  const step = stepOf(gpu, pipeline, buffers, [o.groups, 1, 1])
  return new Dispatches(open, [step], work, () => {
    for (const buffer of buffers) buffer.destroy()
  })
}

/** A probe, ready to run: a unit is one pass. */
export function probeSubject(open: OpenGpu, probe: Probe, size: ProbeSize = probeSize(open)): Promise<Subject> {
  const { threads, bytes } = size
  if (probe === 'fma') {
    // towards 1, so that no number becomes so small or so large that it costs more than others
    const words = Float32Array.of(0.999, 0.001, 1e-3, 0)
    const work = { flops: 2 * threads * ROUNDS * VECTORS * 4, bytes: 0 }
    return made(open, probe, FMA, { words, arrays: [4 * threads], groups: threads / WORKGROUP }, work)
  }
  const shader = STREAMS[probe]
  const vectors = Math.floor(bytes / 16)
  const arrays = [...shader.reads, 'a'].map(() => vectors * 16)
  const groups = Math.min(MOST_GROUPS, Math.ceil(vectors / WORKGROUP))
  const work = { flops: probe === 'triad' ? 8 * vectors : 0, bytes: shader.streams * vectors * 16 }
  return made(open, probe, streamCode(shader), { words: Uint32Array.of(vectors, 0, 0, 0), arrays, groups }, work)
}
