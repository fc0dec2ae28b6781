#!/usr/bin/env node
import { createRequire } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import { listenForSignals } from './interruption.ts'
import { overview } from './overview.ts'

const words = process.argv.slice(2)
const [first] = words
// Threads and processes that do runs for another process leave signals to that one.
const serves = !isMainThread || process.env.HOLDFAST_WORKER !== undefined
// Before anything is loaded, which takes a good part of a second.
const interruption = serves ? undefined : listenForSignals({ json: words.includes('--json') })
if (serves && (await serving())) {
  // Its jobs come as messages.
} else if (first === undefined || ['--help', '-h', 'help'].includes(first)) {
  await say(overview())
  process.exitCode = first === undefined ? 1 : 0
} else if (first === '--version' || first === '-v') {
  const { version } = createRequire(import.meta.url)('holdfast/package.json') as { version: string }
  await say(`${version}\n`)
} else {
  const { main } = await import('./program.ts')
  const listening = interruption ?? listenForSignals({ json: words.includes('--json') })
  process.exitCode = await main(words, listening)
}

async function say(text: string): Promise<void> {
  const { print } = await import('./stdout.ts')
  print(text)
}

/** Whether this thread or process does runs for another one: then it has begun to. */
async function serving(): Promise<boolean> {
  const { isWorker, serveWorker } = await import('../study/workers/index-files.ts')
  if (!isWorker()) return false
  if (process.env.HOLDFAST_PROFILE) (await import('./profile/index-files.ts')).joinProfile()
  serveWorker(async (...asked) => (await import('./serve-update.ts')).runUpdate(...asked))
  return true
}
