import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BenchOutcome } from '../study/grid/index.ts'
import { benchAnswer } from './bench-answer.ts'
import type { Call } from './verb.ts'

const machine = { cpu: 'x', cores: 1, threads: 1, platform: 'x', runtime: 'x', device: 'cpu' }
const outcome: BenchOutcome = {
  bench: {
    ...{ schema: 1, benchmark: 'mine', dataset: { name: 'x', synthetic: false }, tasks: [] },
    ...{ settings: {}, machine, results: [], summary: [] },
  },
  ...{ failures: [], unfinished: 2 },
}

test('runs that did not finish are said to be in the store where there are some', async () => {
  const store = await mkdtemp(join(tmpdir(), 'holdfast-answer-'))
  await writeFile(join(store, 'grid-0123456789abcdef.json'), '{}')
  const text = async () => (await benchAnswer({}, {} as Call, outcome, { store, out: undefined })).text
  expect(await text()).toContain('none had come to a checkpoint')
  for (const name of ['exchange', 'updates']) await mkdir(join(store, name))
  expect(await text()).toContain('none had come to a checkpoint')
  await mkdir(join(store, 'mine-none-class-1-0123'))
  expect(await text()).toContain(`the runs are in ${store}`)
})
