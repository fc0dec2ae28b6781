import { expect, test } from 'vitest'
import { z } from 'zod'
import { readOptionsOf } from '../data/reading.ts'
import { factsOf, readSettings } from './flags/index.ts'
import { readingFlags, readingOf } from './shared-flags.ts'

const flags = z.object(readingFlags)
const optionsOf = (line: string) =>
  readOptionsOf(
    readingOf(
      readSettings({ name: 'keep', examples: [] }, flags, factsOf(flags), line.split(' ').filter(Boolean)),
    ),
  )

test('decoded images are kept unless --no-cache says otherwise', () => {
  expect(optionsOf('').cache).toBe(true)
  expect(optionsOf('--no-cache').cache).toBe(false)
})

test('how data are read is handed on as it was given', () => {
  expect(optionsOf('--label-column kind --delimiter tab --skip-bad 3 --no-header')).toMatchObject({
    labelColumn: 'kind',
    delimiter: '\t',
    skipBad: 3,
    header: false,
  })
})
