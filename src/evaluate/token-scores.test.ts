import { expect, it } from 'vitest'
import { toyDecoder, toyTexts, unevenTexts } from '../../test/toy-language.ts'
import { engine } from '../../test/toy-learning.ts'
import { samples } from '../data/dataset.ts'
import { takeRows } from '../data/rows.ts'
import { documentLosses, totalLoss } from '../measure/text-scores.ts'
import { openReader } from './reader.ts'
import { rowLosses } from './row-losses.ts'
import { rightAnswers } from './scores.ts'
import { openTokenScores } from './token-scores.ts'

const model = toyDecoder()

it('are the losses of rows and the accuracy of the likeliest tokens, of other rows, too', async () => {
  const [opened, more] = [unevenTexts(2, 9), unevenTexts(3, 30)]
  const open = openTokenScores(engine, model, opened)
  const reader = openReader(engine, model, opened.classes.length)
  for (const rows of [opened, more]) {
    const { right, ...loss } = await open.of(rows)
    const { nats, ...counted } = totalLoss(documentLosses(await rowLosses(engine, model, rows)))
    expect(loss).toMatchObject(counted)
    expect(loss.nats).toBeCloseTo(nats, 4)
    const labels = takeRows(
      rows.labels,
      Int32Array.from({ length: samples(rows) }, (_, at) => at),
    )
    const answers = await reader.predictions(rows)
    expect({ right, counting: loss.tokens }).toEqual(rightAnswers(answers, labels.data as Int32Array))
    expect(right).toBeGreaterThan(0)
  }
  await open.dispose()
  await reader.dispose()
})

it('have no bytes where rows know no documents', async () => {
  const texts = toyTexts(2)
  const open = openTokenScores(engine, model, texts)
  const known = await open.of()
  expect(await open.of({ ...texts, documents: undefined })).toEqual({ ...known, bytes: 0 })
  await open.dispose()
})
