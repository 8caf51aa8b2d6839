import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { frozenOf, linesOrFile } from '../../ts/cli/start.js'
import { bundleCommand, nonneg } from './command.js'

bundleCommand()

const folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-start-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => path.join(folder, name)

beforeAll(() => {
  writeFileSync(at('X.csv'), '1,2,3\n4,5,6\n7,8,10\n2,1,1\n')
  writeFileSync(at('W.csv'), '1,2\n2,1\n3,1\n1,1\n')
  writeFileSync(at('H.csv'), '1,2,1\n2,1,3\n')
  writeFileSync(at('blank.txt'), ' \n\n')
  writeFileSync(at('many.txt'), '0-16777215\n'.repeat(40))
  writeFileSync(at('5-2'), '0\n')
})

/** A fit with the list for an option, which may hold blanks. */
const fit = (option: string, list: string, more: readonly string[] = []) => {
  const files = ['--init-w', 'W.csv', '--init-h', 'H.csv', '--no-header', '--no-row-labels']
  const line = ['fit', 'X.csv', '-r', '2', '-o', 'out', ...files, '--max-iterations', '3', ...more, option, list]
  return nonneg(line, { cwd: folder })
}

describe('lists of what is frozen', () => {
  test('blanks and ranges between commas, as in a file', async () => {
    const rows = Float64Array.of(0, 2, 3, 4)
    expect(linesOrFile(' 0, 2-4 ')).toEqual(rows)
    writeFileSync(at('list.txt'), '0, 2-4\n')
    expect(await frozenOf({ frozenRows: at('list.txt') })).toMatchObject({ rows })
    for (const option of ['--frozen-rows', '--frozen-columns', '--frozen-components']) {
      expect(await fit(option, '0, 1', ['-q'])).toEqual({ code: 0, stdout: '', stderr: '' })
    }
    expect((await fit('--frozen-rows', './5-2', ['-q'])).code).toBe(0)
  })

  test.each([
    ['5-2', '"5-2" is no whole number'],
    ['0,5-2', '"5-2" is no whole number'],
    ['-', '"-" is no whole number'],
    ['', 'lists no lines'],
    [' , ', 'lists no lines'],
    ['0-99999999999', '"0-99999999999" is no whole number'],
    ['0-16777215,3', 'lists 16777217 lines'],
    ['0-9999999999', 'lists 10000000000 lines'],
  ])('"%s" on the line is a list that is refused, not a file', async (list, message) => {
    const { code, stdout, stderr } = await fit('--frozen-rows', list)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain("option '--frozen-rows <list>'")
    expect(stderr).toContain(message)
    expect(stderr).toContain('such as 0,3-5')
  })

  test.each([
    ['--frozen-rows', 'blank.txt', 'blank.txt: lists no rows'],
    ['--frozen-columns', 'blank.txt', 'blank.txt: lists no columns'],
    ['--frozen-rows', 'many.txt', 'many.txt: lists 671088640 rows, more than the 16777216'],
  ])('%s %s', async (option, file, message) => {
    const { code, stdout, stderr } = await fit(option, file)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/\nfix: list each of the (rows|columns) once, from 0/)
    expect(stderr).toContain(message)
    const flag = option === '--frozen-rows' ? 'frozenRows' : 'frozenColumns'
    await expect(frozenOf({ [flag]: at(file) })).rejects.toMatchObject({ code: 'ERR_NONNEG_FORMAT' })
  })
})
