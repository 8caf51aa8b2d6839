import { type BackendId, type Factorization, type LossName, NonnegError, type SolverName } from 'nonneg'
import { encodeMatrix } from 'nonneg/data'
import { showBackends } from './backends.js'
import { ComponentsView, type View } from './components-view.js'
import { type Data, type Reading, readData, rowOf } from './data.js'
import { liveFit } from './live-fit.js'
import { LossCurve, lossText } from './loss-curve.js'
import { drawPicture, onColours, pictureCanvas } from './pictures.js'
import { SAMPLES } from './samples.js'

const byId = <T extends HTMLElement = HTMLElement>(id: string) => document.getElementById(id) as T
const field = (id: string) => byId<HTMLInputElement>(id)
const choice = (id: string) => byId<HTMLSelectElement>(id)
const button = (id: string) => byId<HTMLButtonElement>(id)

/** Solvers by the losses that they are for; none: all. */
const SOLVERS: Readonly<Record<SolverName | 'auto', readonly LossName[]>> = {
  auto: [],
  ahals: [],
  hals: [],
  mu: [],
  bpp: ['frobenius'],
  scd: ['kullback-leibler'],
  pg: [],
  online: [],
  smu: [],
  svrmu: ['frobenius'],
  sgd: ['frobenius'],
}
/** Rows of X that are shown as pictures. */
const PREVIEWS = 24
/** Of a frame, for pictures. */
const DRAW_MS = 6
/** Lists are read, not watched. */
const LISTS_EVERY_MS = 120

const curve = new LossCurve(byId('curve'))
const view = new ComponentsView(byId('components'), byId('more'))

let data: Data | undefined
let running: AbortController | undefined
let reading: AbortController | undefined
let done: Factorization | undefined
let losses: number[] = []
let seconds = 0
let iterations = 200
/** Rows of `columns` numbers, the components that are shown. */
let H: Float32Array | undefined

function say(text: string): void {
  byId('status').textContent = text
}

function showError(error: unknown): void {
  const place = byId('error')
  const line = (name: string, text: string) => {
    const made = document.createElement(name)
    made.textContent = text
    return made
  }
  const known = error instanceof NonnegError
  place.replaceChildren(line('p', error instanceof Error ? error.message : String(error)))
  if (known && error.fix) place.append(line('p', error.fix.charAt(0).toUpperCase() + error.fix.slice(1)))
  if (known) place.append(line('code', error.code))
  place.hidden = false
  place.scrollIntoView({ block: 'nearest' })
}

/** How components are shown, or undefined where the width makes no picture. */
function chosenView({ matrix, columnLabels }: Data): View {
  const width = field('width').valueAsNumber
  if (choice('view').value === 'pictures' && width >= 1)
    return { kind: 'pictures', width: Math.min(width, matrix.columns) }
  return { kind: 'lists', labels: columnLabels }
}

let frame = 0
let lastList = 0
/** Whether H has not been handed to the view yet. */
let isNew = false
/** Rows of X that are still to be shown. */
let rowsLeft: number[] = []

/** Draws what has changed, at most once a frame, and as many pictures as a frame has time for. */
function draw(): void {
  if (frame !== 0) return
  document.body.dataset.drawing = ''
  frame = requestAnimationFrame(drawNow)
}

function drawNow(time: number): void {
  frame = 0
  const isDone = drawParts(time)
  if (isDone) delete document.body.dataset.drawing
  else draw()
}

/** Draws a part of what has changed, and says whether that was all. */
function drawParts(time: number): boolean {
  const end = performance.now() + DRAW_MS
  curve.draw(losses, iterations)
  byId('iteration').textContent = losses.length > 0 ? `${losses.length} of ${iterations}` : '–'
  byId('now').textContent = losses.length > 0 ? lossText(losses[losses.length - 1]) : '–'
  byId('time').textContent = losses.length > 0 ? timeText(seconds) : '–'
  if (!data) return true
  if (rowsLeft.length > 0) {
    showRows(data, end)
    return false
  }
  if (!H) return true
  const isDue = !running || chosenView(data).kind !== 'lists' || time - lastList >= LISTS_EVERY_MS
  if (isNew && isDue) {
    isNew = false
    lastList = time
    view.show(H)
  }
  return view.drawUntil(end)
}

function timeText(value: number): string {
  return value < 0.1 ? `${(value * 1000).toFixed(1)} ms` : `${value.toFixed(2)} s`
}

/** Empties what a former fit has left. */
function clear(): void {
  losses = []
  H = undefined
  done = undefined
  byId('relative').textContent = '–'
  byId('components').replaceChildren()
  byId('more').textContent = 'Rows of H, as the fit goes on.'
  for (const id of ['save-w', 'save-h']) button(id).disabled = true
}

function preview(): void {
  byId('preview').replaceChildren()
  rowsLeft = []
  if (!data || chosenView(data).kind !== 'pictures') return
  const { rows } = data.matrix
  const count = Math.min(PREVIEWS, rows)
  rowsLeft = Array.from({ length: count }, (_, i) => Math.floor((i * rows) / count))
  draw()
}

/** Shows the rows of X that are left, as far as there is time. */
function showRows(own: Data, end: number): void {
  const shown = chosenView(own)
  if (shown.kind !== 'pictures') return
  while (rowsLeft.length > 0 && performance.now() < end) {
    const canvas = pictureCanvas(own.matrix.columns, shown.width)
    drawPicture(canvas, rowOf(own.matrix, rowsLeft.shift()!))
    byId('preview').append(canvas)
  }
}

/** Lays the components out anew where how they are shown has changed. */
function layOut(): void {
  preview()
  if (!data || !H) return
  const { columns } = data.matrix
  view.begin(H.length / columns, columns, chosenView(data))
  isNew = true
  lastList = 0
  draw()
}

/** Takes another matrix in the place of this one, and of any that is still being read. */
async function take(name: string, source: (reading: Reading) => Promise<Data>, sample?: string): Promise<void> {
  running?.abort()
  reading?.abort()
  const controller = new AbortController()
  const { signal } = controller
  setReading(controller)
  byId('error').hidden = true
  say(`Reading ${name} …`)
  try {
    const onShare = (share: number) => {
      if (!signal.aborted) say(`Reading ${name}: ${5 * Math.floor(20 * share)} %`)
    }
    const next = await source({ signal, onShare })
    if (signal.aborted) return
    // a fit of the former matrix may have begun in the meantime
    running?.abort()
    data = next
    for (const other of document.querySelectorAll<HTMLElement>('.sample')) {
      other.setAttribute('aria-pressed', String(other.dataset.sample === sample))
    }
    choice('view').value = next.pictureWidth ? 'pictures' : 'lists'
    field('width').value = String(next.pictureWidth ?? '')
    field('rank').value = String(next.rank)
    byId('about').textContent = next.about
    clear()
    preview()
    draw()
    say('')
  } catch (error) {
    if (reading === controller) say(signal.aborted ? `${name} was not read to its end.` : '')
    if (!signal.aborted) showError(error)
  } finally {
    if (reading === controller) setReading(undefined)
  }
}

function offerSolvers(): void {
  const select = choice('solver')
  const former = select.value || 'auto'
  const loss = choice('loss').value as LossName
  const options = Object.entries(SOLVERS).map(([name, fits]) => {
    const option = new Option(name, name)
    option.disabled = fits.length > 0 && !fits.includes(loss)
    return option
  })
  select.replaceChildren(...options)
  select.value = options.some(({ value, disabled }) => value === former && !disabled) ? former : 'auto'
}

function setRunning(controller: AbortController | undefined): void {
  running = controller
  offerButtons()
}

function setReading(controller: AbortController | undefined): void {
  reading = controller
  offerButtons()
}

function offerButtons(): void {
  button('fit').disabled = running !== undefined || reading !== undefined
  button('stop').disabled = running === undefined && reading === undefined
}

async function fit(): Promise<void> {
  if (running || reading) return
  if (!data) {
    say('There is no matrix yet: take a sample or a file.')
    return
  }
  const { matrix } = data
  const controller = new AbortController()
  setRunning(controller)
  clear()
  byId('error').hidden = true
  iterations = field('iterations').valueAsNumber
  const rank = field('rank').valueAsNumber
  const mark = performance.now()
  // another matrix may be taken in the meantime
  const isCurrent = () => data?.matrix === matrix
  const backend = choice('backend').value as BackendId | 'auto'
  say('Fitting …')
  draw()
  try {
    const options = {
      rank,
      maxIterations: iterations,
      tolerance: 0,
      loss: choice('loss').value as LossName,
      solver: choice('solver').value as SolverName | 'auto',
      backend,
      // what cannot do it, or fails on the way, is named with the reason
      fallback: backend !== 'auto',
      seed: field('seed').valueAsNumber,
      signal: controller.signal,
    }
    const result = await liveFit(matrix, options, {
      slow: field('slow').checked,
      onIteration: entry => {
        if (!isCurrent()) return
        losses.length = entry.iteration - 1
        losses.push(entry.loss)
        seconds = entry.seconds
        draw()
      },
      onComponents: next => {
        if (isCurrent()) showComponents(next, rank)
      },
    })
    if (!isCurrent()) return
    done = result
    losses = result.history.map(({ loss }) => loss)
    showComponents(Float32Array.from(result.H.data), rank)
    finish(result, backend)
  } catch (error) {
    if (!isCurrent()) return
    const stopped = error instanceof NonnegError && error.code === 'ERR_NONNEG_ABORTED'
    say(stopped ? 'Stopped before the first iteration.' : '')
    if (!stopped) showError(error)
  } finally {
    performance.measure('fit', { start: mark })
    setRunning(undefined)
    draw()
  }
}

function showComponents(next: Float32Array, rank: number): void {
  if (!data) return
  const first = H === undefined
  H = next
  isNew = true
  if (first) view.begin(rank, data.matrix.columns, chosenView(data))
  draw()
}

function finish(result: Factorization, asked: BackendId | 'auto'): void {
  const { relativeError, reason, backend, emulated, solver, handovers, plan, deadComponents } = result
  byId('relative').textContent = relativeError.toFixed(4)
  const end = reason === 'aborted' ? 'Stopped; these are the factors so far.' : 'Done.'
  const where = `${solver} on ${backend}${emulated ? ' (emulated)' : ''}.`
  const failed = handovers.map(({ id, reason: why, iteration }, place) => {
    const next = handovers[place + 1]?.id ?? backend
    const from = iteration === 0 ? 'began anew' : `went on from iteration ${iteration}`
    return `${id} failed on the way: ${why}; ${next} ${from}.`
  })
  const refused = plan.refusals.filter(({ id }) => id === asked).map(({ id, reason: why }) => `${id} cannot: ${why}.`)
  const count = deadComponents.length
  const dead = count === 0 ? [] : [count === 1 ? '1 component adds nothing.' : `${count} components add nothing.`]
  say([end, where, ...refused, ...failed, ...dead].join(' '))
  for (const id of ['save-w', 'save-h']) button(id).disabled = false
}

function save(which: 'W' | 'H'): void {
  if (!done || !data) return
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([...encodeMatrix(done[which], 'npy')]))
  link.download = `${data.name.replace(/(\.\w+)(\.gz)?$/, '')}.${which}.npy`
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

function takeFile(file: File | undefined): void {
  if (file) take(file.name, how => readData(file, file.name, how))
}

byId('settings').addEventListener('submit', event => {
  event.preventDefault()
  if (byId<HTMLFormElement>('settings').reportValidity()) fit()
})
button('stop').addEventListener('click', () => {
  running?.abort()
  reading?.abort()
})
button('save-w').addEventListener('click', () => save('W'))
button('save-h').addEventListener('click', () => save('H'))
choice('loss').addEventListener('change', offerSolvers)
choice('view').addEventListener('change', layOut)
field('width').addEventListener('change', layOut)
field('file').addEventListener('change', () => {
  takeFile(field('file').files?.[0])
  // the same file may be chosen again
  field('file').value = ''
})
for (const sample of document.querySelectorAll<HTMLElement>('.sample')) {
  const name = sample.dataset.sample!
  sample.addEventListener('click', () => take(name, SAMPLES[name], name))
}
addEventListener('dragover', event => {
  event.preventDefault()
  document.body.classList.add('dragging')
})
addEventListener('dragleave', event => {
  if (event.relatedTarget === null) document.body.classList.remove('dragging')
})
addEventListener('drop', event => {
  event.preventDefault()
  document.body.classList.remove('dragging')
  takeFile(event.dataTransfer?.files[0])
})
onColours(() => {
  preview()
  isNew = true
  lastList = 0
  draw()
})

offerSolvers()
await Promise.all([showBackends(byId('backends'), choice('backend')), take('digits', SAMPLES.digits, 'digits')])
document.body.dataset.ready = ''
