/** Colours that stay apart for colour-blind readers, for light and for dark ground; further lines repeat them in dashes. */
const PALETTE: readonly (readonly [light: string, dark: string])[] = [
  ['#0072b2', '#56b4e9'],
  ['#c8431c', '#ff8a5c'],
  ['#00805f', '#2fcf9f'],
  ['#a03c8c', '#e48fd0'],
  ['#a87500', '#f0c04a'],
  ['#4b4bb8', '#a5a5ff'],
  ['#5b7a12', '#b4d65a'],
  ['#8a4f3d', '#d9a08c'],
]

/** What an SVG line of the palette's second, third … turn is drawn with. */

const DASHES = ['', '7 3', '2 3']
const BORDERS = ['solid', 'dashed', 'dotted']

/** The rules for the lines of so many contestants: `s0`, `s1` …, as the charts and the legend name them. */
function seriesRules(count: number): string {
  return Array.from({ length: count }, (_, i) => {
    const turn = Math.floor(i / PALETTE.length) % DASHES.length
    const swatch = `.swatch.s${i}{border-top-style:${BORDERS[turn]}}`
    const dashed = turn === 0 ? '' : `${swatch}.s${i} .line{stroke-dasharray:${DASHES[turn]}}`
    return `.s${i}{--c:var(--p${i % PALETTE.length})}${dashed}body:has(#show${i}:not(:checked)) .overlay .s${i}{display:none}`
  }).join('\n')
}

const palette = (which: 0 | 1) => PALETTE.map((pair, i) => `--p${i}:${pair[which]}`).join(';')

/** The style sheet of a report: no fonts, pictures or scripts from anywhere, light or dark as the reader's system is. */
export function style(contestants: number): string {
  return `
:root{color-scheme:light dark;--ground:#fbfbfa;--card:#fff;--ink:#1c1f23;--soft:#5d646d;--rule:#e2e4e7;--mark:#f1f4f8;${palette(0)}}
@media (prefers-color-scheme:dark){:root{--ground:#121417;--card:#1a1d21;--ink:#e8eaed;--soft:#9aa2ac;--rule:#2d3238;--mark:#22272d;${palette(1)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1140px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:19px;margin:44px 0 6px}
h3{font-size:15px;margin:0}
p{margin:6px 0 12px;max-width:76ch}
.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:16px}
.scroll{overflow-x:auto;padding:4px 0}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:14px}
th,td{padding:7px 9px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
tr:last-child td{border-bottom:0}
th{font-weight:500;color:var(--soft);font-size:13px}
th:first-child,td:first-child{text-align:left}
tr.first td{background:var(--mark);font-weight:600}
tr.reference td{color:var(--soft)}
.swatch{display:inline-block;width:18px;height:0;border-top:3px solid var(--c);margin-right:8px;vertical-align:middle;border-radius:2px}
.swatch.mu{border-top-style:dashed}
.swatch.online{border-top-style:dotted}
.legend{display:flex;flex-wrap:wrap;gap:6px 18px;margin:0 0 10px;font-size:14px}
.legend label{cursor:pointer;display:flex;align-items:center}
.legend input{accent-color:var(--c);margin:0 7px 0 0}
.pairs{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,500px),1fr));gap:14px;margin-top:12px}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:4px;padding:14px 10px 6px}
.pair header{grid-column:1/-1;padding:0 6px 6px}
.pair p{margin:2px 0 0;font-size:13px;line-height:1.4}
svg{display:block;width:100%;height:auto;font:11.5px system-ui,sans-serif}
.overlay{overflow-x:auto}
.overlay svg{min-width:640px}
.grid{stroke:var(--rule);stroke-width:1;fill:none}
.tick{fill:var(--soft)}
.axis{fill:var(--soft);font-size:12px}
.line{fill:none;stroke:var(--c);stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.series circle{fill:var(--c)}
.series:hover .line{stroke-width:3.5}
.thin .line{stroke-width:1.4;opacity:.85}
.faint .line{stroke:var(--soft);stroke-width:1;opacity:.28}
.band{fill:var(--c);opacity:.13;stroke:none}
.mu,.online{--c:var(--soft)}
.mu .line{stroke-dasharray:7 4}
.online .line{stroke-dasharray:2 4}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 22px;margin:8px 0;font-size:14px}
dt{color:var(--soft)}
dd{margin:0}
ol,ul{padding-left:22px;margin:6px 0;max-width:80ch}
li{margin:4px 0}
footer{margin-top:48px;font-size:13px;color:var(--soft)}
@media (max-width:560px){.pair{grid-template-columns:1fr}main{padding:24px 14px}}
@media print{body{background:#fff}.card{break-inside:avoid}}
${seriesRules(contestants)}
`
}
