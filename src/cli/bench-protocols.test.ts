import { expect, test } from 'vitest'
import { readProtocol } from '../study/protocols/index-files.ts'
import { checkAlike } from './bench-protocols.ts'

const { protocol } = await readProtocol('clinc150')

test('what is loaded once has to be the same for all runs of a benchmark', () => {
  const beside = new Map([['tokenizer.json', '{}']])
  expect(() => checkAlike(protocol, { beside }, ['class'])).not.toThrow()
  const { vocabulary: _, ...data } = protocol.run.data ?? {}
  const first = { ...protocol, run: { ...protocol.run, data } }
  expect(() => checkAlike(first, { beside }, ['class'])).toThrow('data.vocabulary: {from: all}')
  expect(() => checkAlike({ ...first, seeded: [] }, { beside }, ['class'])).not.toThrow()
  expect(() => checkAlike(first, { beside: new Map() }, ['class'])).not.toThrow()
})

test('a model from a file goes with one scenario at a time', async () => {
  const kjv = (await readProtocol('kjv-python')).protocol
  expect(() => checkAlike(kjv, { beside: new Map() }, ['domain'])).not.toThrow()
  expect(() => checkAlike(kjv, { beside: new Map() }, ['domain', 'class'])).toThrow('--scenario')
})
