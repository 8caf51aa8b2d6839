import { availableThreads, environment } from '../../core/environment.js'
import type { Probe } from '../backend.js'
import { hasWorkers } from './host.js'

export interface Features {
  readonly simd: boolean
  readonly relaxedSimd: boolean
  readonly threads: boolean
  /** Memory that several threads see: in pages it takes cross-origin isolation; NONNEG_WASM_SHARED=off refuses it. */
  readonly sharedMemory: boolean
}

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
const ZERO = [0x41, 0, 0xfd, 0x0f] // i32.const 0, i8x16.splat
const TO_V128 = [0x60, 0, 1, 0x7b]

/** A module of one function with this type and body. */
function moduleOf(type: number[], body: number[]): Uint8Array<ArrayBuffer> {
  const types = [1, type.length + 1, 1, ...type]
  const functions = [3, 2, 1, 0]
  const code = [10, body.length + 4, 1, body.length + 2, 0, ...body, 11]
  return Uint8Array.from([...HEADER, ...types, ...functions, ...code])
}

/** A shared memory and an i32.atomic.load from it. */
const SHARED_LOAD = [
  ...[...HEADER, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 5, 4, 1, 3, 1, 1],
  ...[10, 11, 1, 9, 0, 0x41, 0, 0xfe, 0x10, 2, 0, 0x1a, 11],
]

function isIsolated(): boolean {
  // Node has no such global, and shares memory with its workers
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? true
}

/** Looks at what the engine accepts; cheap, and repeated where needed. */
export function features(): Features {
  const has = (bytes: Uint8Array<ArrayBuffer>) =>
    typeof WebAssembly === 'object' && typeof WebAssembly.validate === 'function' && WebAssembly.validate(bytes)
  const threads = has(Uint8Array.from(SHARED_LOAD))
  return {
    simd: has(moduleOf(TO_V128, ZERO)),
    relaxedSimd: has(moduleOf(TO_V128, [...ZERO, ...ZERO, ...ZERO, 0xfd, 0x85, 0x02])), // f32x4.relaxed_madd
    threads,
    sharedMemory:
      threads && typeof SharedArrayBuffer === 'function' && isIsolated() && environment('NONNEG_WASM_SHARED') !== 'off',
  }
}

export function probe(found: Features): Probe {
  const info = { ...found, cores: availableThreads() }
  if (!found.simd) {
    const fix = 'use Node 20 or newer, or a browser from 2021 or newer (Safari: 16.4)'
    return { available: false, reason: 'this engine has no WebAssembly SIMD', fix, info }
  }
  if (!hasWorkers()) {
    return { available: false, reason: 'this place cannot start workers', fix: 'run nonneg in a page or in Node', info }
  }
  return { available: true, emulated: false, info }
}
