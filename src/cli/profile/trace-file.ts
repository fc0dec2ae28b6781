import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs'

/** An event as Chrome's trace format has it: times in microseconds. */
export interface TraceEvent {
  readonly name: string
  /** `X` a bar, `M` the name of a row, `i` a mark. */
  readonly ph: 'X' | 'M' | 'i'
  readonly pid: number
  readonly tid: number
  readonly ts?: number | undefined
  readonly dur?: number | undefined
  readonly s?: 't' | undefined
  readonly cat?: string | undefined
  readonly args?: Readonly<Record<string, unknown>> | undefined
}

/** A file of trace events that is being written, by several threads and processes where need be. */
export interface TraceFile {
  add(event: TraceEvent): void
  /** Hands all that was added to the system. */
  flush(): void
  /** The last one to write ends the list, so that the file is JSON to the letter; viewers do without. */
  close(last: boolean): void
}

const AT_ONCE = 2 ** 16

/** What a file of ours begins with. */
export const HEAD = '[\n{"name":"process_name","ph":"M"'
/** What it ends with, once all was written. */
export const END = '\n]\n'

/**
 * A list of events, one a line, each written whole and behind what is there, so that a file that was cut off has all up to
 * that point, and writers do not get between each other.
 *
 * @param first Whether this writer begins the file. Others append to it.
 */
export function openTrace(path: string, first: boolean): TraceFile {
  if (first) writeFileSync(path, '')
  const file = openSync(path, 'a')
  let waiting: string[] = []
  let bytes = 0
  let lead = first ? '[\n' : ',\n'
  const flush = (): void => {
    if (waiting.length === 0) return
    writeSync(file, lead + waiting.join(',\n'))
    lead = ',\n'
    waiting = []
    bytes = 0
  }
  return {
    add: (event) => {
      const line = JSON.stringify(event)
      waiting.push(line)
      bytes += line.length
      if (bytes > AT_ONCE) flush()
    },
    flush,
    close: (last) => {
      flush()
      if (last) writeSync(file, END)
      closeSync(file)
    },
  }
}
