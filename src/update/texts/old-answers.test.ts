import { describe, expect, it } from 'vitest'
import { toyDecoder, toyTexts } from '../../../test/toy-language.ts'
import { engine } from '../../../test/toy-learning.ts'
import { subset } from '../../data/dataset.ts'
import { topTokens } from '../../evaluate/index.ts'
import { openOldAnswers } from './old-answers.ts'

const model = toyDecoder()
const rows = toyTexts(2, 9)

describe('what the given model says of old rows', () => {
  it('is asked once for each row, and is the same as when all are asked for at once', async () => {
    let asked = 0
    const answers = openOldAnswers(
      {
        engine,
        model,
        onEvent: (event) => {
          if (event.type === 'measuring' && event.done === event.of) asked += event.of
        },
      },
      rows,
    )
    const check = async (places: number[] | undefined, k = 3, temperature?: number) => {
      const chosen = places && Int32Array.from(places)
      const found = await answers.at(chosen, { k, temperature })
      const alone = await topTokens(engine, model, chosen ? subset(rows, chosen) : rows, { k, temperature })
      expect(found.ids).toEqual(alone.ids)
      for (const [at, value] of alone.logProbabilities.data.entries())
        expect(found.logProbabilities.data[at]).toBeCloseTo(value, 5)
    }
    await check([1, 4, 7])
    expect(asked).toBe(3)
    await check([0, 1, 4, 5, 7])
    expect(asked).toBe(5)
    await check([4, 1])
    expect(asked).toBe(5)
    await check(undefined)
    expect(asked).toBe(9)
    // Others than these are other answers.
    await check([2], 3, 2)
    expect(asked).toBe(10)
    await check([2], 4)
    expect(asked).toBe(11)
  })
})
