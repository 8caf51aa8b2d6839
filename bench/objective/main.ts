// `npm run bench:objective`: measures how long nonneg's solvers and scikit-learn take to one objective, writes the results,
// and for a full run docs/objective.md with its pictures.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { NoTimes } from '../contestant.js'
import { resultsFile, watchEnvironment } from '../environment.js'
import { bulletin, type Notes } from '../report.js'
import { type Comparison, type Row, SCHEMA_VERSION } from '../schema.js'
import { CASES, caseStem } from './cases.js'
import { dataSet } from './data.js'
import { objectiveLines } from './goals.js'
import { measureCase } from './measure.js'
import { objectivePage } from './page.js'
import { casePicture } from './plot.js'
import { type CaseResult, type ObjectiveResults, objectiveComplaints } from './schema.js'

const USAGE = `npm run bench:objective -- [options]
  --only TEXT     cases whose name contains it, of ${CASES.map(caseStem).join(', ')}
  --rounds N      turns of every contestant (default: 3)
  --threads N     (default: 2, or what the machine has)
  --out FILE      where the results go
  --render FILE   makes docs/objective.md and its pictures again from results, and measures nothing`

const { values: args } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string' },
    out: { type: 'string' },
    render: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const PAGE = path.join('docs', 'objective.md')
const PICTURES = path.join('docs', 'objective')
const NOTES = path.join('bench', 'notes.json')

function writePage(results: ObjectiveResults, source: string): void {
  const notes = JSON.parse(readFileSync(NOTES, 'utf8')) as Notes
  mkdirSync(PICTURES, { recursive: true })
  for (const one of results.cases) writeFileSync(path.join(PICTURES, `${caseStem(one)}.svg`), casePicture(one, results))
  writeFileSync(PAGE, objectivePage(results, notes, source.split(path.sep).join('/')))
  console.log(`Page: ${PAGE}`)
}

async function measure(): Promise<void> {
  const [rounds, threads] = [Number(args.rounds), Number(args.threads ?? Math.min(2, os.availableParallelism()))]
  const environment = await watchEnvironment(rounds)
  const rows: Row[] = []
  const comparisons: Comparison[] = []
  const cases: CaseResult[] = []
  const chosen = CASES.filter(one => caseStem(one).includes(args.only))
  for (const one of chosen) {
    try {
      const { result, ...outcome } = await measureCase(one, dataSet(one.data), threads, rounds)
      console.log(bulletin(outcome.rows, outcome.comparisons))
      rows.push(...outcome.rows)
      comparisons.push(...outcome.comparisons)
      cases.push(result)
    } catch (error) {
      // no data, or nothing to reach: the lines will say that it was not measured
      if (!(error instanceof NoTimes)) throw error
      console.log(`${caseStem(one)} ${error.status}: ${error.message}`)
    }
  }
  const lines = objectiveLines({ rows, cases })
  const results = { schema: SCHEMA_VERSION, environment: environment(), lines, rows, comparisons, cases } as const
  const complaints = objectiveComplaints(results)
  if (complaints.length > 0) throw new Error(`the results break their own schema: ${complaints.join('; ')}`)
  const isFull = cases.length === CASES.length
  const file = args.out ?? (isFull ? resultsFile('objective-') : path.join('build', 'bench', 'objective.json'))
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, null, 1)}\n`)
  console.log('')
  for (const { what, target, measured, status } of lines) {
    if (status !== 'not measured') console.log(`${status.padEnd(12)} ${what}: ${measured} (goal ${target})`)
  }
  console.log(`Results: ${file}`)
  if (isFull) writePage(results, file)
}

if (args.help) console.log(USAGE)
else if (args.render) {
  if (!existsSync(args.render)) throw new Error(`there is no file ${args.render}`)
  writePage(JSON.parse(readFileSync(args.render, 'utf8')) as ObjectiveResults, args.render)
} else await measure()
