import { readFileSync } from 'node:fs'

/** A file of the installed package, by its path in it. */
export function packageFile(path: string): URL {
  return new URL(`../../${path}`, import.meta.url)
}

export function packageVersion(): string {
  return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version
}
