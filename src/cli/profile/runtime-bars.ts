import type { RuntimeEvent, SessionProfile } from '../../engine/runtime-profile-node.ts'
import type { TraceEvent } from './trace-file.ts'

/** Whose sessions they are. */
interface Owner {
  readonly pid: number
  readonly thread: number
  /** What the thread's clock counts from, in milliseconds since 1970. */
  readonly at: number
}

/** More than any process's number: the runtime's rows stand for themselves, below those of the process. */
const APART = 2 ** 22

/** The runtime's bars of one session as a row, which lie within one another to the microsecond. */
export function runtimeBars(
  { session, graph, events, cut }: SessionProfile,
  { pid, thread, at }: Owner,
): TraceEvent[] {
  const row = { pid: pid + APART, tid: 1000 * thread + session }
  const name = `session ${session}${thread === 0 ? '' : ` of worker ${thread}`}: ${graph}`
  const bars = nested(events).map(
    ({ name: what, began, milliseconds, details }): TraceEvent => ({
      ...{ name: what, ph: 'X', ...row, ts: (at + began) * 1000, dur: milliseconds * 1000 },
      ...{ cat: 'onnxruntime', args: details },
    }),
  )
  const end = bars.reduce((latest, { ts = 0, dur = 0 }) => Math.max(latest, ts + dur), 0)
  return [
    { name: 'process_name', ph: 'M', ...row, args: { name: 'ONNX Runtime' } },
    { name: 'thread_name', ph: 'M', ...row, args: { name } },
    ...bars,
    ...(cut ? [{ name: CUT, ph: 'i' as const, s: 't' as const, ...row, ts: end }] : []),
  ]
}

const CUT = "the runtime's own profile of this session ends here"

/** The runtime counts whole microseconds, so that what lies within something may seem to end one later: it is cut there. */
function nested(events: readonly RuntimeEvent[]): RuntimeEvent[] {
  const sorted = [...events].sort((a, b) => a.began - b.began || b.milliseconds - a.milliseconds)
  const open: number[] = []
  return sorted.map((event) => {
    while (open.length > 0 && (open.at(-1) ?? 0) <= event.began) open.pop()
    const end = Math.min(event.began + event.milliseconds, open.at(-1) ?? Number.POSITIVE_INFINITY)
    open.push(end)
    return { ...event, milliseconds: end - event.began }
  })
}
