import * as echarts from 'echarts'
import { peerRow } from './goals.js'
import type { CaseResult, Curve, ObjectiveResults } from './schema.js'

export const TEXT = { fontFamily: 'system-ui, sans-serif', fontSize: 13, color: '#374151' }
const WIDTH = 960
const HEIGHT = 560

/** Colours that stay apart for colour-blind readers, after Paul Tol's bright scheme. */
const PEER = '#111827'
const AUTO = '#cc3311'
const OTHERS = ['#0077bb', '#ee7733', '#009988', '#aa4499', '#999933', '#88ccee', '#6b7280']

/** Losses are shown up to so many times the objective: what matters is who comes below, and when. */
const HEADROOM = 1.25
/** Room below the lowest loss, as a share of the height, for the words about the objective. */
const FOOTROOM = 0.12

const LOSS_NAMES = { frobenius: '½‖X − WH‖²', 'kullback-leibler': 'Kullback–Leibler divergence', 'itakura-saito': '' }

/** `1 ms`, `100 ms`, `10 s`. */
function secondsName(value: number): string {
  return value < 1 ? `${Number((value * 1e3).toPrecision(3))} ms` : `${Number(value.toPrecision(3))} s`
}

/** `360K`, `2.4M`. */
function shortNumber(value: number): string {
  return value.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 4 })
}

/** What is drawn of a curve: from where it comes into the picture on. */
function drawn({ seconds, losses }: Curve, top: number): [number, number][] {
  const first = Math.max(0, losses.findIndex(loss => loss <= top) - 1)
  return seconds.map((value, i): [number, number] => [value, losses[i]]).slice(first)
}

function series(curve: Curve, place: number, top: number): echarts.SeriesOption {
  const [isPeer, isAuto] = [curve.name.startsWith('scikit-learn'), curve.name.startsWith('nonneg auto')]
  const color = isPeer ? PEER : isAuto ? AUTO : OTHERS[place % OTHERS.length]
  return {
    name: curve.name,
    type: 'line',
    symbol: 'none',
    silent: true,
    emphasis: { disabled: true },
    itemStyle: { color },
    lineStyle: { color, width: isPeer || isAuto ? 3 : 1.6, type: isPeer ? 'dashed' : 'solid' },
    z: isAuto ? 4 : isPeer ? 3 : 2,
    data: drawn(curve, top),
  }
}

/** Without styles of a pointer that a picture in a page never meets, and without counts of what the process drew before. */
export function plain(svg: string): string {
  return svg
    .replace(/<style[^>]*>[\s\S]*?<\/style>\n?/g, '')
    .replace(/ class="zr\d+-cls-\d+"/g, '')
    .replace(/\bzr\d+-/g, 'zr-')
}

/** Loss against seconds, both from the call on, one curve a solver and system; the objective is the line to reach. */
export function casePicture(one: CaseResult, results: Pick<ObjectiveResults, 'rows'>): string {
  const { title, rows, columns, rank, loss, objective, curves } = one
  const lowest = Math.min(objective, ...curves.flatMap(({ losses }) => losses))
  const top = HEADROOM * objective
  const bottom = lowest - FOOTROOM * (top - lowest)
  const times = curves.flatMap(curve => drawn(curve, top).map(([seconds]) => seconds))
  const peer = peerRow(results, one.problem)
  const stop = peer ? ` after ${secondsName(peer.median!)}` : ''
  const known = curves.filter(({ name }) => !/^(scikit-learn|nonneg auto)/.test(name))
  const heading = `${title}: ${rows} × ${columns}, rank ${rank}, ${loss === 'frobenius' ? 'Frobenius' : 'Kullback–Leibler'}`
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: TEXT,
    title: {
      text: heading,
      left: 'center',
      top: 8,
      textStyle: { ...TEXT, fontSize: 16, fontWeight: 600 },
    },
    legend: {
      selectedMode: false,
      bottom: 10,
      left: 'center',
      icon: 'rect',
      itemGap: 20,
      itemWidth: 26,
      itemHeight: 3,
      textStyle: TEXT,
    },
    grid: { left: 80, right: 40, top: 72, bottom: 128 },
    xAxis: {
      type: 'log',
      name: 'seconds since the call',
      nameLocation: 'middle',
      nameGap: 32,
      min: Math.min(...times) / 1.2,
      max: Math.max(...times) * 1.2,
      axisLabel: { showMinLabel: false, showMaxLabel: false, formatter: secondsName },
      minorTick: { show: true },
      splitLine: { lineStyle: { color: '#e5e7eb' } },
    },
    yAxis: {
      type: 'value',
      name: LOSS_NAMES[loss],
      nameTextStyle: { align: 'left' },
      min: bottom,
      max: top,
      axisLabel: { showMinLabel: false, showMaxLabel: false, formatter: shortNumber },
      splitLine: { lineStyle: { color: '#e5e7eb' } },
    },
    series: [
      ...curves.map(curve => series(curve, known.indexOf(curve), top)),
      {
        type: 'line',
        data: [],
        markLine: {
          symbol: 'none',
          silent: true,
          lineStyle: { color: PEER, type: 'dotted', width: 1.5 },
          label: { position: 'insideStartBottom', ...TEXT, formatter: `objective: where scikit-learn stops${stop}` },
          data: [{ yAxis: objective }],
        },
      },
    ],
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  // for those who do not see it
  return `${plain(svg).replace('>', `><title>Loss against seconds. ${heading}</title>`)}\n`
}
