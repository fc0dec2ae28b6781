import { expect, test } from 'vitest'
import { killAndResume } from './kill-and-resume.ts'

test('runs killed at random moments and resumed end in the same parameters', async () => {
  const results = await killAndResume({
    runs: 3,
    methods: ['ewc', 'reservoir-replay', 'lwf'],
    scenario: 'class',
    kills: 2,
    seed: 7,
  })
  expect(results.map(({ found }) => found)).toEqual(results.map(({ expected }) => expected))
}, 300_000)

test.each([
  ['low-rank updates', ['--lora', '2']],
  ['the head alone', ['--train', 'head']],
  ['on augmented images', ['--augment', 'flip,crop:2,cutout,mixup']],
])(
  'so do runs that train %s',
  async (_, model) => {
    const results = await killAndResume({
      runs: 1,
      methods: ['ewc+replay'],
      scenario: 'class',
      kills: 2,
      seed: 8,
      model,
    })
    expect(results.map(({ found }) => found)).toEqual(results.map(({ expected }) => expected))
    expect(results[0]?.kills).toBeGreaterThan(0)
  },
  120_000,
)
