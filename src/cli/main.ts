#!/usr/bin/env node
import { isMainThread } from 'node:worker_threads'
import { listenForSignals } from './interruption.ts'

// Before anything else, as loading the packages takes a good part of a second.
const words = process.argv.slice(2)
const interruption = isMainThread ? listenForSignals({ json: words.includes('--json') }) : undefined
const { isWorker, main, serveWorker } = await import('./program.ts')
if (isWorker()) serveWorker()
else if (interruption) process.exitCode = await main(words, interruption)
