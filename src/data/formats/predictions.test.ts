import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parsePredictionCsv, parsePredictionLines, probabilityOf } from './predictions.ts'
import { loadIds, loadPredictions } from './predictions-files.ts'

describe('prediction files', () => {
  it('reads JSON Lines, whatever type ids and classes have', () => {
    const { predictions } = parsePredictionLines(
      '{"id": 1, "label": "cat", "pred": "dog", "probs": {"cat": 0.25, "dog": 0.75}, "slice": ["night", "rain"]}\n\n' +
        '{"id": "b", "label": 3, "pred": 0, "probs": [0.5, 0.2, 0.2, 0.1], "slice": "day", "other": true}\n',
      'old.jsonl',
    )
    expect(predictions).toEqual([
      {
        id: '1',
        label: 'cat',
        pred: 'dog',
        probs: { cat: 0.25, dog: 0.75 },
        slices: ['night', 'rain'],
      },
      { id: 'b', label: '3', pred: '0', probs: [0.5, 0.2, 0.2, 0.1], slices: ['day'] },
    ])
    expect(predictions.map(probabilityOf)).toEqual([0.75, 0.5])
  })
  it('reads CSV with the same meaning', () => {
    const { predictions, locate } = parsePredictionCsv(
      'pred,id,label,probs,slice\ndog,1,cat,"[0.3,0.7]",night\ncat,2,cat,,\n',
      'old.csv',
    )
    expect(predictions).toEqual([
      { id: '1', label: 'cat', pred: 'dog', probs: [0.3, 0.7], slices: ['night'] },
      { id: '2', label: 'cat', pred: 'cat' },
    ])
    expect(predictions.map(probabilityOf)).toEqual([0.7, undefined])
    expect(locate?.(1)).toBe('old.csv, line 3')
  })
  it.each([
    [
      '{"id": 1, "label": 2}',
      'predictions-field',
      "x.jsonl, line 1, field 'pred': expected a text or a number",
    ],
    ['{"id": 1, "label": "", "pred": "a"}', 'predictions-field', "field 'label'"],
    ['{"id": 1, "label": 2, "pred": 2, "probs": [1.5]}', 'predictions-field', 'from 0 to 1'],
    ['{"id": 1, "label": 2, "pred": 2, "slice": 4}', 'predictions-field', "field 'slice'"],
    ['{"id": 1', 'predictions-syntax', 'x.jsonl, line 1: this is not JSON'],
    ['[1]', 'predictions-syntax', 'found [1]'],
    ['', 'predictions-empty', 'found none'],
    [
      '{"id": 1, "label": 2, "pred": 2}\n{"id": "1", "label": 2, "pred": 2}',
      'predictions-duplicate',
      'x.jsonl, line 2: id "1" stands already at x.jsonl, line 1',
    ],
  ])('refuses %s', (text, code, message) => {
    expect(() => parsePredictionLines(text, 'x.jsonl')).toThrow(expect.objectContaining({ code }))
    expect(() => parsePredictionLines(text, 'x.jsonl')).toThrow(message)
  })
  it('chooses the reader by the ending and says what is missing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-predictions-'))
    const file = join(folder, 'a.CSV')
    await writeFile(file, 'id,label,pred\n1,a,b\n')
    expect((await loadPredictions(file)).predictions).toHaveLength(1)
    await expect(loadPredictions(join(folder, 'b.jsonl'))).rejects.toMatchObject({
      code: 'predictions-missing',
    })
    await expect(loadPredictions(join(folder, 'b.txt'))).rejects.toMatchObject({ code: 'predictions-format' })
    await writeFile(join(folder, 'ids.txt'), '7\r\n\n b \n')
    expect((await loadIds(join(folder, 'ids.txt'))).map(({ id }) => id)).toEqual(['7', 'b'])
    await writeFile(join(folder, 'none.txt'), '\n')
    await expect(loadIds(join(folder, 'none.txt'))).rejects.toMatchObject({ code: 'ids-empty' })
  })
})
