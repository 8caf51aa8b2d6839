import { type BackendReport, probeBackends } from 'nonneg'

function facts({ id, emulated, info }: BackendReport): string {
  if (id === 'wasm') {
    const simd = info.relaxedSimd ? 'SIMD, relaxed SIMD' : 'SIMD'
    return info.sharedMemory
      ? `${simd}, threads on ${info.cores} cores`
      : `${simd}, one worker: this page has no SharedArrayBuffer, which takes the headers COOP and COEP`
  }
  if (id === 'reference') return 'float64 on the main thread, in slices of a few milliseconds: the oracle, not fast'
  const names = [info.vendor, info.architecture, info.description].filter(Boolean)
  const name = [...new Set(names)].join(', ')
  return emulated ? `${name}: a software driver, which proves results and says nothing of speed` : name
}

/** Lists the backends with what is missing of them, and offers those that are here. */
export async function showBackends(list: HTMLElement, choice: HTMLSelectElement): Promise<void> {
  for (const report of await probeBackends()) {
    const { id, available, reason, fix } = report
    const item = document.createElement('li')
    const name = document.createElement('strong')
    const words = document.createElement('span')
    name.textContent = id
    words.textContent = available ? facts(report) : [reason, fix].filter(Boolean).join('; ')
    item.className = available ? 'present' : 'absent'
    item.append(name, words)
    list.append(item)
    const option = new Option(available ? id : `${id} (not here)`, id)
    option.disabled = !available
    choice.append(option)
  }
}
