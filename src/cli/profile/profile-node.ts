import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { threadId } from 'node:worker_threads'
import { profileSessions, type SessionProfile } from '../../engine/runtime-profile-node.ts'
import { recordSpans, type SpanRecorder } from '../../spans.ts'
import { openRecorder, type Span } from './recorder-node.ts'
import { runtimeBars } from './runtime-bars.ts'
import { selfTimes } from './self-times.ts'
import { openTrace, type TraceFile } from './trace-file.ts'

/** Tells threads and processes that a command starts where its profile is written. */
const VARIABLE = 'HOLDFAST_PROFILE'

interface Place {
  readonly file: string
  /** Where the runtime writes until that is put into the file. */
  readonly folder: string
}

/** A command whose times are written down. */
export interface Profile {
  span: SpanRecorder['span']
  /**
   * Ends the file.
   *
   * @returns Milliseconds by name, less what lay under each, the longest first.
   */
  end(): [string, number][]
}

/**
 * Writes down from here on what this command does, and what the threads and processes do that it starts. What came before, from the
 * start of the process, is one bar.
 */
export function beginProfile(path: string, verb: string): Profile {
  const place = { file: resolve(path), folder: mkdtempSync(join(tmpdir(), 'holdfast-profile-')) }
  const trace = openTrace(place.file, true)
  process.env[VARIABLE] = JSON.stringify(place)
  const writer = openWriter(trace, place.folder, `holdfast ${verb}`)
  writer.tell({ name: 'start', details: {}, row: 0, began: 0, ended: performance.now() })
  // The list has to begin before others go on with it.
  trace.flush()
  let ended = false
  const end = (): void => {
    if (ended) return
    ended = true
    process.removeListener('exit', end)
    delete process.env[VARIABLE]
    writer.end()
    trace.close(true)
    rmSync(place.folder, { recursive: true, force: true })
  }
  // Where a signal ends the process, too.
  process.once('exit', end)
  return {
    span: writer.span,
    end: () => {
      end()
      return writer.times()
    },
  }
}

/** Writes down what this thread or process does, where the command that started it does. */
export function joinProfile(): void {
  const said = process.env[VARIABLE]
  if (said === undefined) return
  const { file, folder } = JSON.parse(said) as Place
  openWriter(openTrace(file, false), folder, 'holdfast, a process of its own')
}

function openWriter(trace: TraceFile, folder: string, name: string) {
  const { pid } = process
  const rows = new Set<number>()
  const times = selfTimes()
  if (threadId === 0) trace.add({ name: 'process_name', ph: 'M', pid, tid: 0, args: { name } })
  const tell = (span: Span): void => {
    const tid = 100 * threadId + span.row + 1
    if (!rows.has(tid)) {
      rows.add(tid)
      trace.add({ name: 'thread_name', ph: 'M', pid, tid, args: { name: rowName(span.row) } })
    }
    times.add(span)
    const { name, details } = span
    trace.add({ name, ph: 'X', pid, tid, ...bar(span), cat: 'holdfast', args: details })
  }
  const recorder = openRecorder(tell)
  const runtime = profileSessions(folder, `${pid}-${threadId}`, (profile: SessionProfile) => {
    for (const event of runtimeBars(profile, { pid, thread: threadId, at: performance.timeOrigin })) {
      trace.add(event)
    }
  })
  const settle = (): void => {
    runtime.collect()
    trace.flush()
  }
  recordSpans({ span: recorder.span, settle })
  return {
    tell,
    span: recorder.span,
    times: times.sorted,
    end: (): void => {
      recordSpans(undefined)
      recorder.close()
      runtime.end()
      settle()
    },
  }
}

const rowName = (row: number): string =>
  `${threadId === 0 ? 'main' : `worker ${threadId}`}${row === 0 ? '' : `, beside (${row})`}`

/** On a clock that all processes share, in microseconds. */
const bar = ({ began, ended }: Span) => ({
  ts: (performance.timeOrigin + began) * 1000,
  dur: (ended - began) * 1000,
})
