import * as echarts from 'echarts'
import { SCHEDULERS, type SchedulerName } from '../../ts/schedulers/api.js'
import { plain, TEXT } from '../objective/plot.js'
import { courseOf, STEPS } from './problem.js'

const WIDTH = 960
const HEIGHT = 300
const OWN = '#0077bb'
const BASELINE = '#9ca3af'
const GRID = '#e5e7eb'

const BASE: SchedulerName = 'constant'

/** Where the two panels lie. */
const PANELS = [
  { left: 70, width: 380, top: 58, bottom: 52 },
  { left: 550, width: 380, top: 58, bottom: 52 },
]

/** `10⁻³`. */
function power(value: number): string {
  const exponent = Math.round(Math.log10(value))
  return `10${[...String(exponent)].map(sign => '⁰¹²³⁴⁵⁶⁷⁸⁹⁻'['0123456789-'.indexOf(sign)]).join('')}`
}

function lines(name: SchedulerName, color: string, width: number): echarts.SeriesOption[] {
  const { rates, losses } = courseOf(name)
  return [rates, losses].map((values, panel) => ({
    name,
    type: 'line' as const,
    xAxisIndex: panel,
    yAxisIndex: panel,
    symbol: 'none',
    silent: true,
    itemStyle: { color },
    lineStyle: { color, width },
    data: values.map((value, step) => [step, value]),
  }))
}

/** A path in tenths of a pixel, which are enough and hide the last bits, in which engines may differ. */
function inTenths(path: string): string {
  return path.replace(/\d+\.\d+/g, digits => String(Number(Number(digits).toFixed(1))))
}

/** The rate over the steps, and the loss that comes of it, beside those of a constant rate. */
export function schedulerPicture(name: SchedulerName): string {
  const own = lines(name, OWN, 2)
  const base = name === BASE ? [] : lines(BASE, BASELINE, 1.5)
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  const titles = ['rate, as a share of the bound 2/L', 'loss']
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: TEXT,
    title: titles.map((text, panel) => ({
      text,
      left: PANELS[panel].left,
      top: 18,
      padding: 0,
      textStyle: { ...TEXT, fontWeight: 600 },
    })),
    legend: {
      selectedMode: false,
      right: 30,
      top: 14,
      icon: 'rect',
      itemWidth: 22,
      itemHeight: 3,
      itemGap: 18,
      textStyle: TEXT,
      data: name === BASE ? [name] : [name, BASE],
    },
    grid: PANELS,
    xAxis: PANELS.map((_, gridIndex) => ({
      gridIndex,
      type: 'value' as const,
      name: 'step',
      nameLocation: 'middle' as const,
      nameGap: 28,
      min: 0,
      max: STEPS,
      splitLine: { show: false },
    })),
    yAxis: [
      { gridIndex: 0, type: 'value', min: 0, max: 1, interval: 0.25, splitLine: { lineStyle: { color: GRID } } },
      {
        gridIndex: 1,
        type: 'log',
        min: 1e-3,
        max: 10,
        axisLabel: { formatter: power },
        splitLine: { lineStyle: { color: GRID } },
      },
    ],
    series: [...base, ...own],
  })
  const svg = chart.renderToSVGString().replace(/ d="[^"]*"/g, inTenths)
  chart.dispose()
  // for those who do not see it
  return `${plain(svg).replace('>', `><title>${SCHEDULERS[name].type}: rate and loss over ${STEPS} steps</title>`)}\n`
}
