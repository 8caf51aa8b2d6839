import { NonnegError } from '../../core/errors.js'
import type { Dtype } from './kernels.js'
import { roundUp } from './layout.js'

const PAGE = 65536
const ALIGNMENT = 64

/** Typed arrays over the whole of a wasm memory that may grow; fetched anew for every use. */
export class Views {
  readonly memory: WebAssembly.Memory
  #buffer: ArrayBufferLike
  #f32: Float32Array
  #f64: Float64Array
  #u32: Uint32Array
  #u8: Uint8Array

  constructor(memory: WebAssembly.Memory) {
    this.memory = memory
    this.#buffer = memory.buffer
    this.#f32 = new Float32Array(this.#buffer)
    this.#f64 = new Float64Array(this.#buffer)
    this.#u32 = new Uint32Array(this.#buffer)
    this.#u8 = new Uint8Array(this.#buffer)
  }

  #refresh(): void {
    if (this.memory.buffer === this.#buffer) return
    this.#buffer = this.memory.buffer
    this.#f32 = new Float32Array(this.#buffer)
    this.#f64 = new Float64Array(this.#buffer)
    this.#u32 = new Uint32Array(this.#buffer)
    this.#u8 = new Uint8Array(this.#buffer)
  }

  get f32(): Float32Array {
    this.#refresh()
    return this.#f32
  }

  get f64(): Float64Array {
    this.#refresh()
    return this.#f64
  }

  reals(dtype: Dtype): Float32Array | Float64Array {
    return dtype === 'f64' ? this.f64 : this.f32
  }

  get u32(): Uint32Array {
    this.#refresh()
    return this.#u32
  }

  get u8(): Uint8Array {
    this.#refresh()
    return this.#u8
  }
}

interface Block {
  address: number
  bytes: number
}

/**
 * First-fit allocation in a wasm memory that grows to at most `maxPages` pages. Address 0 is never given out, nor is the
 * last page: there the end of an array could wrap round to 0.
 */
export class Heap {
  readonly #memory: WebAssembly.Memory
  readonly #limit: number
  /** Free blocks below #end, by address, no two of them adjacent. */
  #free: Block[] = []
  readonly #taken: Map<number, number> = new Map()
  #end = ALIGNMENT

  constructor(memory: WebAssembly.Memory, maxPages: number) {
    this.#memory = memory
    this.#limit = (maxPages - 1) * PAGE
  }

  /** Bytes in use. */
  get used(): number {
    let sum = 0
    for (const bytes of this.#taken.values()) sum += bytes
    return sum
  }

  /** The address of a block at a multiple of 64; its contents are whatever was there. */
  allocate(wanted: number): number {
    const bytes = Math.max(ALIGNMENT, roundUp(wanted, ALIGNMENT))
    const place = this.#free.findIndex(block => block.bytes >= bytes)
    let address: number
    if (place >= 0) {
      const block = this.#free[place]
      address = block.address
      block.address += bytes
      block.bytes -= bytes
      if (block.bytes === 0) this.#free.splice(place, 1)
    } else {
      address = this.#extend(bytes)
    }
    this.#taken.set(address, bytes)
    return address
  }

  free(address: number): void {
    const bytes = this.#taken.get(address)
    if (bytes === undefined) throw new Error(`address ${address} is not in use`)
    this.#taken.delete(address)
    this.#release({ address, bytes })
  }

  #extend(bytes: number): number {
    // a free block at the end need not be added to, only completed
    const last = this.#free.at(-1)
    const address = last && last.address + last.bytes === this.#end ? last.address : this.#end
    const end = address + bytes
    if (end > this.#limit) this.#refuse(bytes)
    const missing = end - this.#memory.buffer.byteLength
    try {
      if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE))
    } catch (cause) {
      this.#refuse(bytes, cause)
    }
    if (address !== this.#end) this.#free.pop()
    this.#end = end
    return address
  }

  #refuse(bytes: number, cause?: unknown): never {
    const { used } = this
    const mib = (value: number) => `${Math.ceil(value / 2 ** 20)} MiB`
    throw new NonnegError(
      'ERR_NONNEG_MEMORY',
      `wasm memory has no room for ${mib(bytes)} more: ${mib(used)} of at most ${mib(this.#limit)} are in use`,
      {
        detail: { bytes, used, limit: this.#limit },
        fix: "lower the rank, dispose of other fits, or use backend: 'native', which has no such limit",
        cause,
      },
    )
  }

  #release(block: Block): void {
    const next = this.#free.findIndex(other => other.address > block.address)
    const place = next < 0 ? this.#free.length : next
    this.#free.splice(place, 0, block)
    const after = this.#free[place + 1]
    if (after && block.address + block.bytes === after.address) {
      block.bytes += after.bytes
      this.#free.splice(place + 1, 1)
    }
    const before = this.#free[place - 1]
    if (before && before.address + before.bytes === block.address) {
      before.bytes += block.bytes
      this.#free.splice(place, 1)
    }
  }
}
