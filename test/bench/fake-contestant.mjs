// A contestant that takes no time and says what its words tell it to.
import { appendFileSync } from 'node:fs'
import { Absent, serve, Unsupported } from '../../bench/contestants/serve.mjs'

let words
let runs = 0

await serve({
  async start(given) {
    words = given
    if (words.how === 'unsupported') throw new Unsupported('it cannot\ndo this')
    if (words.how === 'absent') throw new Absent('nothing is installed')
    if (words.how === 'broken') throw new Error('a bug')
    return { variant: 'made up', flops: 2e9, bytes: 0, emulated: Number(words.emulated ?? 0) }
  },
  async run(units) {
    if (words.how === 'dies') process.exit(3)
    if (words.log) appendFileSync(words.log, words.name)
    return units * (Number(words.seconds) + Number(words.step ?? 0) * runs++)
  },
  async loss() {
    return 4.5
  },
})
