import { browserGpu } from '../../ts/backends/webgpu/provider-browser.js'
import { NonnegError } from '../../ts/core/errors.js'
import { type OpenGpu, openGpu } from '../gpu/open.js'
import { GPU_SCALES, type GpuScale, gpuPlan } from '../gpu/plan.js'
import { type Results, SCHEMA_VERSION } from '../schema.js'
import { pageEnvironment } from './environment.js'
import { runTasks, tasksOf } from './run.js'
import { byId, showPlan, showRows } from './view.js'

const ROUNDS = 7
const SAMPLE_SECONDS = 0.15
/** Where times say nothing, two short rounds show that everything runs. */
const EMULATED = { rounds: 2, sampleSeconds: 0.02 }
const MIB = 2 ** 20

const WORDS: Readonly<Record<GpuScale, string>> = {
  full: 'all, minutes',
  quick: 'a few, under a minute',
  emulated: 'small',
  tiny: 'tiny',
}

const button = (id: string) => byId<HTMLButtonElement>(id)
const scale = byId<HTMLSelectElement>('scale')
const progress = byId<HTMLProgressElement>('progress')

let gpu: OpenGpu
let running: AbortController | undefined
let results: Results | undefined

function say(text: string): void {
  byId('status').textContent = text
}

function showError(error: unknown): void {
  const lines = [error instanceof Error ? error.message : String(error)]
  if (error instanceof NonnegError && error.fix) lines.push(error.fix)
  byId('error').replaceChildren(
    ...lines.map(line => {
      const made = document.createElement('p')
      made.textContent = line
      return made
    }),
  )
  byId('error').hidden = false
}

function offerScales(emulated: boolean): void {
  const wanted = new URLSearchParams(location.search).get('scale')
  const usual: readonly GpuScale[] = emulated ? ['emulated'] : ['full', 'quick']
  const offered = GPU_SCALES.filter(name => usual.includes(name) || name === wanted)
  scale.replaceChildren(...offered.map(name => new Option(WORDS[name], name)))
  const given = offered.find(name => name === wanted)
  if (given) scale.value = given
}

const tasks = () => tasksOf(gpuPlan(scale.value as GpuScale))

function setRunning(controller: AbortController | undefined): void {
  running = controller
  button('run').disabled = controller !== undefined
  button('stop').disabled = controller === undefined
  scale.disabled = controller !== undefined
}

async function run(): Promise<void> {
  if (running) return
  const controller = new AbortController()
  setRunning(controller)
  const begun = new Date()
  const all = tasks()
  const { rounds, sampleSeconds } = gpu.emulated ? EMULATED : { rounds: ROUNDS, sampleSeconds: SAMPLE_SECONDS }
  byId('error').hidden = true
  button('copy').disabled = true
  showPlan(all)
  progress.max = all.length
  progress.value = 0
  delete document.body.dataset.done
  try {
    const rows = await runTasks(gpu, all, {
      rounds,
      sampleSeconds,
      signal: controller.signal,
      say,
      take(task, own) {
        progress.value++
        showRows(task, own, gpu.name)
      },
    })
    const environment = pageEnvironment(gpu, begun, rounds)
    results = { schema: SCHEMA_VERSION, environment, lines: [], rows, comparisons: [] }
    button('copy').disabled = false
    say(`Done in ${environment.seconds} s.`)
    document.body.dataset.done = ''
  } catch (error) {
    if (controller.signal.aborted) say('Stopped.')
    else {
      say('')
      showError(error)
    }
  } finally {
    setRunning(undefined)
  }
}

async function copy(): Promise<void> {
  await navigator.clipboard.writeText(`${JSON.stringify(results, null, 1)}\n`)
  say('Copied. A file bench/results/webgpu-….json with it is shown in docs/webgpu.md.')
}

function showDevice(): void {
  const { maxStorageBufferBindingSize, maxBufferSize } = gpu.gpu.device.limits
  byId('device').textContent = gpu.name
  // browsers often tell no more than these two, and then they are the name
  const makers = [gpu.info.vendor, gpu.info.architecture].filter(word => word && !gpu.name.includes(String(word)))
  byId('facts').textContent = [
    ...makers,
    `bindings up to ${Math.floor(maxStorageBufferBindingSize / MIB)} MiB, buffers up to ${Math.floor(maxBufferSize / MIB)} MiB`,
    gpu.timestamps ? 'kernels are timed by the GPU’s clock' : 'kernels are timed by the page’s clock',
  ].join(' · ')
  byId('emulated').hidden = !gpu.emulated
}

byId('settings').addEventListener('submit', event => {
  event.preventDefault()
  run()
})
button('stop').addEventListener('click', () => running?.abort())
button('copy').addEventListener('click', () => copy().catch(showError))
scale.addEventListener('change', () => showPlan(tasks()))

try {
  gpu = await openGpu(browserGpu)
  showDevice()
  offerScales(gpu.emulated)
  showPlan(tasks())
  button('run').disabled = false
} catch (error) {
  byId('device').textContent = 'No GPU'
  showError(error)
}
document.body.dataset.ready = ''
