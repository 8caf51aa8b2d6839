import type { OpenGpu } from '../gpu/open.js'
import type { Environment } from '../schema.js'

/** Set when the page is bundled. */
declare const BUILT: { readonly version: string; readonly commit: string }

interface Brands {
  readonly brands?: readonly { readonly brand: string; readonly version: string }[]
  readonly platform?: string
}

/** The browser by name and version, as far as it says. */
function browserName(): string {
  const { userAgentData } = navigator as Navigator & { userAgentData?: Brands }
  const brand = userAgentData?.brands?.find(({ brand: name }) => !/not.?a.?brand|^chromium$/i.test(name))
  const chosen = brand ?? userAgentData?.brands?.find(({ brand: name }) => name === 'Chromium')
  if (chosen) return `${chosen.brand} ${chosen.version}`
  return /(Firefox|Version|Chrome)\/[\d.]+/.exec(navigator.userAgent)?.[0].replace('Version', 'Safari') ?? 'a browser'
}

/** What a page can know of where it runs. */
export function pageEnvironment(gpu: OpenGpu, begun: Date, rounds: number): Environment {
  const { userAgentData, deviceMemory } = navigator as Navigator & { userAgentData?: Brands; deviceMemory?: number }
  const facts = Object.entries(gpu.info).map(([name, value]) => `${name} ${value}`)
  return {
    date: begun.toISOString(),
    seconds: Math.round((Date.now() - begun.getTime()) / 1000),
    cpu: 'a processor that browsers do not tell',
    cores: navigator.hardwareConcurrency,
    caches: [],
    memoryGiB: deviceMemory ?? 0,
    platform: userAgentData?.platform || navigator.platform || 'unknown',
    browser: browserName(),
    node: 'none',
    v8: 'none',
    nonneg: BUILT.version,
    commit: BUILT.commit,
    loadBefore: 0,
    loadAfter: 0,
    stolen: null,
    rounds,
    backends: [{ id: 'webgpu', available: true, facts: facts.join(', ') }],
  }
}
