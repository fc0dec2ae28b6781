import { type Progress, progressLine } from '../report/terminal.ts'
import type { RunUpdate } from '../study/workers/index-files.ts'
import { spoken } from './flags/index.ts'
import type { Screen } from './screen.ts'
import { update } from './update.ts'
import { wordsOf } from './update-queue.ts'

/** Does an update of the queue, as its command line would: for who serves. */
export const runUpdate: RunUpdate = async (job, writes, { say, signal }) => {
  const words = wordsOf(job, writes, update.facts)
  const speak = (text: string) => spoken(text, update.facts)
  const { run } = update.read(words)
  const screen = relayed((line) => say(speak(line)))
  const {
    json,
    text,
    exitCode = 0,
  } = await run({
    ...{ screen, signal, words },
    command: ['holdfast update', ...words].join(' '),
  })
  return { json, text: speak(text), exitCode }
}

const MILLISECONDS_BETWEEN_LINES = 10_000

/** A screen whose lines are told to somebody else. */
function relayed(say: (line: string) => void): Screen {
  let last = Number.NEGATIVE_INFINITY
  return {
    ...{ live: false, colour: false, width: 110 },
    ...{ say, warn: say, stage: say, draw: () => undefined },
    progress: (progress: Progress) => {
      const now = performance.now()
      if (now - last < MILLISECONDS_BETWEEN_LINES) return
      last = now
      say(progressLine(progress))
    },
  }
}
