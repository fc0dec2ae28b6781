#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads'
import { listenForSignals } from './interruption.ts'

// Before anything else, as loading the packages takes a good part of a second.
const words = process.argv.slice(2)
// Threads and processes that do runs for another process leave signals to that one.
const serves = !isMainThread || process.env.HOLDFAST_WORKER !== undefined
const interruption = serves ? undefined : listenForSignals({ json: words.includes('--json') })
const { isWorker, main, serveWorker } = await import('./program.ts')
if (isWorker()) serveWorker()
else {
  const listening = interruption ?? listenForSignals({ json: words.includes('--json') })
  process.exitCode = await main(words, listening)
}
