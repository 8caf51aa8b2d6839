import type { FitSpec, Rule } from '../backend.js'
import type { Heap } from './heap.js'
import type { Kernels } from './kernels.js'
import type { Scheme } from './layout.js'
import type { SharedFit, Thread } from './thread.js'

// V8 starts with its baseline compiler, at a fifth of the speed, and does not change over inside a running call: so what
// a fit calls most is called on something tiny until it is optimised, before the first real call.

/** Calls that let V8 optimise a kernel: some 2 MB of baseline code executed. */
const CALLS = 160
/** Eight buffers of zeros; in the last one, row pointers of one row with 16 entries. */
const BUFFER = 8 << 10
const BUFFERS = 8
/** A problem that fits the buffers with elements of any size; strides of factors and of X. */
const [ROWS, COLUMNS, RANK, NARROW, WIDE] = [4, 64, 12, 96, 512]

type Call = (kernels: Kernels, at: readonly number[], spec: FitSpec) => void

const xht: Call = (kernels, [x, h, n]) => kernels.xht_dense(ROWS, COLUMNS, RANK, x, WIDE, h, WIDE, n, NARROW, 0)
const xtw: Call = (kernels, [x, w, a]) => kernels.xtw_dense(ROWS, COLUMNS, RANK, x, WIDE, w, NARROW, a, NARROW)
const gram: Call = (kernels, [f, g]) => kernels.gram(COLUMNS, RANK, f, NARROW, g, NARROW)
const transpose: Call = (kernels, [f, h]) => kernels.transpose(COLUMNS, RANK, f, NARROW, h, WIDE)
const add: Call = (kernels, [from, to]) => kernels.add(COLUMNS, from, to)
const dot: Call = (kernels, [a, b]) => kernels.dot(COLUMNS, a, b)
const gather: Call = (kernels, [entries, values, ht, n, , , , indptr]) =>
  kernels.xht_csr(1, 60, indptr, indptr + 4, entries, values, ht, NARROW, n, NARROW, 0)
const model: Call = (kernels, [w, h, u, scratch]) =>
  kernels.wh_dense(ROWS, COLUMNS, RANK, w, NARROW, h, WIDE, u, WIDE, scratch)
const terms: Call = (kernels, [x, u, p], { beta }) =>
  kernels.beta_terms(ROWS, COLUMNS, beta, x, WIDE, 0, 0, u, WIDE, p, 0, 0)
const entries: Call = (kernels, [list, values, f, o, n, p, , indptr], { beta }) =>
  kernels.beta_xht_csr(
    ...([1, RANK, beta, indptr, indptr + 4, list, values, 0, f, NARROW, o, NARROW, 0, n, p, NARROW, 0, 0, 0] as const),
  )

/** What the fits of a scheme call most, rule aside. */
const BY_SCHEME: Readonly<Record<Scheme, readonly Call[]>> = {
  panels: [xht, xtw, gram, transpose, add, dot],
  blocks: [xht, xtw, gram, transpose, dot],
  gather: [gather, gram, dot],
  entries: [entries],
  tiles: [model, terms, xht, xtw],
}

const GRAM_RULES: Readonly<Partial<Record<Rule, Call>>> = {
  mu: (kernels, [f, n, g, scratch]) =>
    kernels.mu_update(ROWS, RANK, f, NARROW, n, NARROW, g, NARROW, 0, 0, RANK, 1, scratch),
  hals: (kernels, [f, n, g, scratch, violation]) =>
    kernels.hals_update(ROWS, RANK, f, NARROW, n, NARROW, g, NARROW, 0, 0, RANK, 1, scratch, violation),
  sgd: (kernels, [f, n, g, scratch, sums, d]) =>
    kernels.sgd_update(
      ...([ROWS, RANK, f, NARROW, n, NARROW, g, NARROW, d, 0, 1, 0, 0] as const),
      ...([0, 0, 0, 0, 1, RANK, 1, scratch, sums] as const),
    ),
  // whose scratch takes two buffers
  svrmu(kernels, [f, n, g, scratch, , m, a]) {
    kernels.mu_update(ROWS, RANK, f, NARROW, n, NARROW, g, NARROW, 0, 0, RANK, 1, scratch)
    kernels.svrmu_update(
      ...([ROWS, RANK, f, NARROW, n, m, NARROW, a, a, g, g, g, NARROW] as const),
      ...([1, 1, 1, 0, 0, RANK, 1, scratch] as const),
    )
  },
  // of penalties alone, so that no component is zero; nor is then F, which lies where nothing looks for indices
  bpp: (kernels, [, n, g, scratch, violation, f]) =>
    kernels.bpp_update(ROWS, RANK, f, NARROW, n, NARROW, g, NARROW, -1, 1, RANK, 9, scratch, violation),
}

function callsOf({ layout, spec }: SharedFit): readonly Call[] {
  const { scheme } = layout
  const rule = scheme === 'entries' || scheme === 'tiles' ? undefined : GRAM_RULES[spec.rule]
  return rule ? [...BY_SCHEME[scheme], rule] : BY_SCHEME[scheme]
}

/** What has been called already, for each module. */
const done: WeakMap<Kernels, Set<Call>> = new WeakMap()

/** Lets the engine optimise the kernels of a fit; all threads profit, for they share the module's code. */
export function warmUp({ views }: Thread, heap: Heap, fit: SharedFit): void {
  const before = done.get(fit.kernels) ?? new Set()
  const calls = callsOf(fit).filter(call => !before.has(call))
  if (calls.length === 0) return
  done.set(fit.kernels, new Set([...before, ...calls]))
  const base = heap.allocate(BUFFERS * BUFFER)
  const at = Array.from({ length: BUFFERS }, (_, i) => base + i * BUFFER)
  views.u8.fill(0, base, base + BUFFERS * BUFFER)
  views.u32[at[7] / 4 + 1] = 16
  for (let i = 0; i < CALLS; i++) for (const call of calls) call(fit.kernels, at, fit.spec)
  heap.free(base)
}
