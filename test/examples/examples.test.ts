import { describe, expect, it } from 'vitest'

type Results = Readonly<Record<string, { readonly loss: number; readonly accuracy: number }>>

const EXAMPLES: Readonly<Record<string, number>> = { 'training-loop': 5, tensorflow: 3 }

/** The example as it runs, its lines kept. */
async function ran(name: string): Promise<{ results: Results; lines: readonly string[] }> {
  const example = (await import(new URL(`../../examples/${name}.mjs`, import.meta.url).href)) as {
    main(say: (line: string) => void): Promise<Results>
  }
  const lines: string[] = []
  return { results: await example.main(line => lines.push(line)), lines }
}

describe('examples', () => {
  it.each(Object.entries(EXAMPLES))(
    '%s learns which party spoke, in every way',
    async (name, ways) => {
      const { results, lines } = await ran(name)
      expect(Object.keys(results)).toHaveLength(ways)
      for (const [way, { loss, accuracy }] of Object.entries(results)) {
        // weights of zero have log 2, and 92 of the 182 speeches are Republican
        expect(loss, way).toBeLessThan(0.8 * Math.LN2)
        expect(accuracy, way).toBeGreaterThan(0.6)
        expect(lines.some(line => line.startsWith(way) && line.includes(loss.toFixed(4)))).toBe(true)
      }
    },
    180_000,
  )
})
