import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nativeBackend } from '../../ts/backends/native/backend.js'
import { loadAddon } from '../../ts/backends/native/load.js'
import { dot } from '../../ts/kernels/dot.js'
import { addonOrSkip } from './helpers.js'

beforeEach(addonOrSkip)
afterEach(() => {
  vi.unstubAllEnvs()
})

const isas = (): readonly string[] => loadAddon().addon?.isas ?? []

it('takes the fastest instruction set by default, and each on demand', async () => {
  expect((await nativeBackend.open()).info.isa).toBe(isas().at(-1))
  for (const isa of isas()) {
    vi.stubEnv('NONNEG_ISA', isa)
    const device = await nativeBackend.open()
    expect(device.info.isa).toBe(isa)
    const sum = new Float64Array(1)
    const a = { data: Float32Array.of(9, 1, 2, 3, 9), offset: 1, length: 3 }
    await device.runKernel(dot, { dims: { length: 3 }, buffers: { a, b: a, sum: { data: sum, offset: 0, length: 1 } } })
    expect(sum[0]).toBe(14)
  }
})

it('says what is wrong with an instruction set that this machine does not have', async () => {
  const impossible = process.arch === 'x64' ? 'neon' : 'avx512'
  for (const isa of [impossible, 'mmx']) {
    vi.stubEnv('NONNEG_ISA', isa)
    const probe = await nativeBackend.probe()
    expect(probe).toMatchObject({ available: false, reason: expect.stringContaining(isa) })
    expect(probe).toMatchObject({ fix: expect.stringContaining(isas().join(', ')) })
    await expect(nativeBackend.open()).rejects.toMatchObject({ code: 'ERR_NONNEG_BACKEND' })
  }
})

// A weak symbol compiled for AVX-512 might be the one that the linker keeps for all: an illegal instruction elsewhere.
it('leaves no weak symbol in the objects of the instruction sets', context => {
  if (process.platform !== 'linux' || process.arch !== 'x64') return context.skip('the check reads ELF objects of x64')
  const folder = path.resolve('build/native/CMakeFiles/nonneg_kernels.dir/native/cpu')
  for (const isa of ['baseline', 'avx2', 'avx512']) {
    const tables = { isa: `nonneg_isa_${isa}`, vector_isa: `nonneg_vectors_${isa}` }
    for (const [file, table] of Object.entries(tables)) {
      const object = path.join(folder, `${file}_${isa}.cpp.o`)
      if (!existsSync(object) && process.env.NONNEG_NATIVE_PATH) return context.skip('the addon was built elsewhere')
      const listed = spawnSync('nm', [object], { encoding: 'utf8' })
      expect(listed.status, listed.stderr).toBe(0)
      expect(listed.stdout).toMatch(new RegExp(` [DR] ${table}$`, 'm'))
      expect(listed.stdout.split('\n').filter(line => / [VWvwu] /.test(line))).toEqual([])
    }
  }
})
