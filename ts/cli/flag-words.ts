import type { Command } from 'commander'

/** What the API calls an option and its parts: learningRate, init.W, webgpu.memoryLimit, frozen.rows[3]. */
const API_NAME = /\b[a-z][a-z0-9]*(?:(?:\.[A-Za-z]|[A-Z])[a-z0-9]*)+(?:\[\d+\])?/g

/** An option with its value, as the API takes it: solver: 'hals'. */
const API_PAIR = /\b([a-z][A-Za-z0-9]*): '([\w-]+)'/g

/** The option of the API that two flags are parts of. */
const PHRASES = [
  [/^webgpu is for\b/, '--memory-limit and --subgroups are for'],
  [/^leave webgpu or backend out$/, 'leave these or --backend out'],
] as const

/** A message of the API in the words of a command: its own flags stand where the API names its options. */
export function inFlags(text: string, command: Command | undefined): string {
  const flagOf = (name: string) =>
    command?.options.find(option => !option.negate && option.attributeName() === name)?.long
  const paired = text.replace(API_PAIR, (pair, name, value) => {
    const flag = flagOf(name)
    return flag ? `${flag} ${value}` : pair
  })
  const named = paired.replace(API_NAME, (found: string) => {
    const name = found.replace(/^webgpu\.|\[\d+\]$/g, '').replace(/\.(.)/g, (_, letter) => letter.toUpperCase())
    const flag = flagOf(name)
    if (!flag) return found
    return found.endsWith(']') ? `a number of ${flag}` : flag
  })
  if (!flagOf('memoryLimit')) return named
  return PHRASES.reduce((said, [phrase, flags]) => said.replace(phrase, flags), named)
}
