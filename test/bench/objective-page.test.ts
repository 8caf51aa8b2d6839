import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { caseStem } from '../../bench/objective/cases.js'
import { objectivePage } from '../../bench/objective/page.js'
import { casePicture } from '../../bench/objective/plot.js'
import { type ObjectiveResults, objectiveComplaints } from '../../bench/objective/schema.js'

const page = readFileSync('docs/objective.md', 'utf8')
const source = /from \[(bench\/results\/[^\]]+)\]/.exec(page)![1]
const results: ObjectiveResults = JSON.parse(readFileSync(source, 'utf8'))
const notes = JSON.parse(readFileSync('bench/notes.json', 'utf8'))

it('docs/objective.md is what its results and notes make, and so are its pictures', () => {
  expect(objectiveComplaints(results)).toEqual([])
  expect(page).toBe(objectivePage(results, notes, source))
  expect(readdirSync('docs/objective').sort()).toEqual(results.cases.map(one => `${caseStem(one)}.svg`).sort())
  for (const one of results.cases) {
    expect(readFileSync(`docs/objective/${caseStem(one)}.svg`, 'utf8')).toBe(casePicture(one, results))
  }
})

it('gives a reason for each goal that is not met', () => {
  const missed = results.lines.filter(({ status }) => status !== 'pass').map(({ id }) => id)
  expect(missed.filter(id => !notes[id])).toEqual([])
})
