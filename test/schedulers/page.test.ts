import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { schedulersPage } from '../../bench/schedulers/page.js'
import { schedulerPicture } from '../../bench/schedulers/plot.js'
import * as schedulers from '../../ts/schedulers/index.js'

const { NonnegError, SCHEDULER_NAMES, SCHEDULERS } = schedulers

const PAGE = 'docs/schedulers.md'
const FOLDER = 'docs/schedulers'

/** The names in backticks. */
const named = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name)

const CLASSES = new Map(Object.entries<unknown>(schedulers))

/** The options that a class knows, from what it says of one that it does not. */
function optionsOf(type: string): string[] {
  const Class = CLASSES.get(type) as new (options: object) => unknown
  try {
    new Class({ unheardOf: 1 })
  } catch (error) {
    if (error instanceof NonnegError) return /the options are (.*)$/.exec(error.fix ?? '')![1].split(', ')
    throw error
  }
  throw new Error(`${type} takes any option`)
}

describe('docs/schedulers.md', () => {
  it('is what the registry makes, and so are its pictures', () => {
    const pictures = SCHEDULER_NAMES.map(name => [`${name}.svg`, schedulerPicture(name)] as const)
    if (process.env.NONNEG_WRITE_DOCS) {
      mkdirSync(FOLDER, { recursive: true })
      writeFileSync(PAGE, schedulersPage())
      for (const [file, picture] of pictures) writeFileSync(`${FOLDER}/${file}`, picture)
    }
    expect(readFileSync(PAGE, 'utf8')).toBe(schedulersPage())
    expect(readdirSync(FOLDER).sort()).toEqual(pictures.map(([file]) => file).sort())
    for (const [file, picture] of pictures) expect(readFileSync(`${FOLDER}/${file}`, 'utf8')).toBe(picture)
  })

  it('has a section and a picture for every class', () => {
    const page = readFileSync(PAGE, 'utf8')
    for (const name of SCHEDULER_NAMES) {
      expect(page).toContain(`\n## ${name}\n\n\`${SCHEDULERS[name].type}\``)
      expect(page).toContain(`(schedulers/${name}.svg)`)
    }
    const anchors = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor)
    const headings = [...page.matchAll(/^## (.*)$/gm)].map(([, text]) =>
      text
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    )
    expect(anchors.filter(anchor => !headings.includes(anchor))).toEqual([])
    // each is a choice for something
    const choices = page.split('## Which one')[1].split('No schedule is best')[0]
    for (const name of SCHEDULER_NAMES) if (!name.endsWith('1.5')) expect(choices, name).toContain(`[${name}]`)
  })

  it.for(SCHEDULER_NAMES)('tells the options of %s, all of them and no others', name => {
    const { type, defaults } = SCHEDULERS[name]
    expect([...new Set(named(defaults))].sort()).toEqual(optionsOf(type).sort())
  })

  it('has a program that runs', () => {
    const [, program] = /```js\n([\s\S]*?)```/.exec(readFileSync(PAGE, 'utf8'))!
    const body = program.replace(/^import (\{.*\}) from 'nonneg\/schedulers'$/m, 'const $1 = schedulers')
    const end = 'schedulerFrom('
    const rate = new Function('schedulers', body.replace(`\n${end}`, `\nreturn ${end}`))(schedulers)
    expect(rate).toBeCloseTo(0.05, 12)
  })
})
