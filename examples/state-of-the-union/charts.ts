import * as echarts from 'echarts'
import type { Result } from './race.js'
import type { Topic } from './topics.js'

/** Ten colours that stay apart for colour-blind readers and on paper, after Paul Tol's schemes. */
export const COLOURS: readonly string[] = [
  '#332288',
  '#88ccee',
  '#44aa99',
  '#117733',
  '#999933',
  '#ddcc77',
  '#cc6677',
  '#882255',
  '#aa4499',
  '#6b7280',
]

const TEXT = { fontFamily: 'system-ui, sans-serif', fontSize: 13, color: '#374151' }

export const titleOf = (topic: Topic): string =>
  topic.words
    .slice(0, 3)
    .map(word => word.term)
    .join(' · ')

function render(width: number, height: number, option: echarts.EChartsCoreOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({ animation: false, textStyle: TEXT, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

/** Share of each topic in each year's address, stacked to 100 %. */
export function topicsOverYears(topics: readonly Topic[]): string {
  const years = [...topics[0].shareByYear.keys()]
  return render(1100, 520, {
    color: COLOURS,
    grid: { left: 50, right: 20, top: 20, bottom: 120 },
    legend: { bottom: 0, icon: 'roundRect', itemGap: 20, textStyle: TEXT },
    // categories: two value axes would not stack
    xAxis: {
      type: 'category',
      data: years.map(String),
      boundaryGap: false,
      axisLabel: { interval: (_: number, year: string) => Number(year) % 20 === 0 },
      axisTick: { show: false },
    },
    yAxis: { type: 'value', max: 1, axisLabel: { formatter: (v: number) => `${Math.round(v * 100)} %` } },
    series: topics.map(topic => ({
      name: titleOf(topic),
      type: 'line',
      stack: 'share',
      symbol: 'none',
      lineStyle: { width: 0.5, color: '#ffffff' },
      areaStyle: { opacity: 0.9 },
      data: [...topic.shareByYear.values()],
    })),
  })
}

/** Loss against seconds, one curve a backend, time on a logarithmic axis. */
export function lossAgainstSeconds(results: readonly Result[]): string {
  const ran = results.filter(result => result.fit !== undefined)
  const losses = ran.flatMap(result => result.fit!.history.map(entry => entry.loss))
  const [low, high] = [Math.min(...losses), Math.max(...losses)]
  const margin = 0.05 * (high - low)
  return render(1100, 420, {
    color: ['#882255', '#117733', '#332288', '#cc6677', '#6b7280'],
    grid: { left: 70, right: 30, top: 50, bottom: 60 },
    legend: { top: 10, itemGap: 24, textStyle: TEXT },
    xAxis: {
      type: 'log',
      name: 'seconds',
      nameLocation: 'middle',
      nameGap: 32,
      axisLabel: { formatter: (v: number) => (v < 0.001 ? `${v * 1e6} µs` : v < 1 ? `${v * 1e3} ms` : `${v} s`) },
    },
    yAxis: { type: 'value', name: '½‖X − WH‖²', min: round(low - margin), max: round(high + margin) },
    series: ran.map(({ report, fit }) => ({
      name: report.emulated ? `${report.id} (emulated)` : report.id,
      type: 'line',
      symbol: 'none',
      lineStyle: { width: 2.5, type: report.emulated ? 'dashed' : 'solid' },
      data: fit!.history.map(entry => [entry.seconds, entry.loss]),
    })),
  })
}

function round(value: number): number {
  return Number(value.toPrecision(3))
}
