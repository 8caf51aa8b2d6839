import Benchmark from 'benchmark'

/** Whether two lists of times differ by more than chance, by the Mann–Whitney U test of the package `benchmark`. */
export function differs(a: readonly number[], b: readonly number[]): boolean {
  const [first, second] = [a, b].map(sample => Object.assign(new Benchmark(() => {}), { stats: { sample } }))
  return first.compare(second as Benchmark) !== 0
}
