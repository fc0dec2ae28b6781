import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type * as ort from 'onnxruntime-node'
import { decodeModel } from '../onnx/read.ts'
import { spanned } from '../spans.ts'

/** What of a session is used. */
export interface Session
  extends Pick<
    ort.InferenceSession,
    'release' | 'inputNames' | 'outputNames' | 'inputMetadata' | 'outputMetadata'
  > {
  run(
    feeds: ort.InferenceSession.FeedsType,
    fetches?: ort.InferenceSession.FetchesType,
  ): Promise<ort.InferenceSession.ReturnType>
}

/** A bar of the runtime's own profile, in milliseconds of this thread's clock. */
export interface RuntimeEvent {
  /** The op of a node; of the session itself what it did. */
  readonly name: string
  readonly began: number
  readonly milliseconds: number
  readonly details: Readonly<Record<string, unknown>>
}

/** What a session did, as the runtime wrote it down. */
export interface SessionProfile {
  /** Sessions of a thread are counted from 1. */
  readonly session: number
  /** The name of its graph. */
  readonly graph: string
  readonly events: readonly RuntimeEvent[]
  /** Whether it goes on without being written down. */
  readonly cut: boolean
}

interface Profiling {
  /** Where the runtime writes. */
  readonly prefix: string
  readonly tell: (profile: SessionProfile) => void
  count: number
  /** Sessions whose profile goes on: each ends its own. */
  readonly open: Set<() => void>
}

let profiling: Profiling | undefined

/**
 * From now on sessions that are opened in this thread are profiled by the runtime, each until it has run for a second: it holds
 * all that it writes down in memory.
 *
 * @param folder Where the runtime writes its files; each is read and removed when its session ends.
 * @returns `collect` ends the profiles of all sessions that are open, `end` profiles no more of those to come.
 */
export function profileSessions(
  folder: string,
  name: string,
  tell: Profiling['tell'],
): { collect(): void; end(): void } {
  const mine: Profiling = { prefix: join(folder, name), tell, count: 0, open: new Set() }
  profiling = mine
  return {
    collect: () => {
      for (const collect of [...mine.open]) collect()
    },
    end: () => {
      if (profiling === mine) profiling = undefined
    },
  }
}

const MOST_MILLISECONDS = 1000

/** Opens a session, profiled where that is asked for. */
export async function openSession(
  bytes: Uint8Array,
  create: (options: ort.InferenceSession.SessionOptions) => Promise<Session>,
): Promise<Session> {
  const to = profiling
  if (!to) return create({})
  const graph = decodeModel(bytes).graph?.name || 'graph'
  const number = ++to.count
  const prefix = `${to.prefix}-${number}`
  const began = performance.now()
  const session = await spanned(
    `open session: ${graph}`,
    () => create({ enableProfiling: true, profileFilePrefix: prefix }),
    { bytes: bytes.length },
  )
  const opened = performance.now()
  const ends: number[] = []
  let busy = 0
  let collected = false
  const collect = (cut = false): void => {
    if (collected) return
    collected = true
    to.open.delete(collect)
    endProfiling(session)
    const events = alignedEvents(takeLines(prefix), { began, opened, ends })
    to.tell({ session: number, graph, events, cut })
  }
  to.open.add(collect)
  return {
    ...{ inputNames: session.inputNames, inputMetadata: session.inputMetadata },
    ...{ outputNames: session.outputNames, outputMetadata: session.outputMetadata },
    run: (feeds, fetches) =>
      spanned(`run ${graph}`, async () => {
        const start = performance.now()
        try {
          return await session.run(feeds, fetches)
        } finally {
          const end = performance.now()
          if (!collected) ends.push(end)
          busy += end - start
          if (busy > MOST_MILLISECONDS) collect(true)
        }
      }),
    release: async () => {
      collect()
      await session.release()
    },
  }
}

/** Typed without it, as only a profile asks for it. */
const endProfiling = (session: Session): void => (session as ort.InferenceSession).endProfiling()

/** The lines of the file that the runtime wrote, which is removed. */
function takeLines(prefix: string): readonly RawEvent[] {
  const folder = dirname(prefix)
  const start = `${basename(prefix)}_`
  return readdirSync(folder)
    .filter((name) => name.startsWith(start))
    .flatMap((name) => {
      const path = join(folder, name)
      const bytes = readFileSync(path)
      rmSync(path, { force: true })
      return linesOf(bytes).map((line) => JSON.parse(line) as RawEvent)
    })
}

/** Objects, one a line, between the brackets of a list. */
function linesOf(bytes: Buffer): string[] {
  const lines: string[] = []
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from)
    const line = bytes.toString('utf8', from, end < 0 ? bytes.length : end).trim()
    if (line.startsWith('{')) lines.push(line.replace(/,$/, ''))
    from = end < 0 ? bytes.length : end + 1
  }
  return lines
}

/** As the runtime writes it, in microseconds since its session was begun. */
export interface RawEvent {
  readonly cat?: string
  readonly name: string
  readonly ts: number
  readonly dur: number
  readonly args?: Readonly<Record<string, unknown>>
}

/** When things that the runtime wrote down were over, by this thread's clock, in milliseconds. */
interface Marks {
  /** The session was asked for, and was there. */
  readonly began: number
  readonly opened: number
  /** Each run was over, in order. */
  readonly ends: readonly number[]
}

/**
 * The runtime's events on this thread's clock. Its own begins with the session, at a moment that it does not tell; but what it
 * did was over before we saw that, mostly by a few microseconds, so of all beginnings that this allows the latest is taken.
 */
export function alignedEvents(raw: readonly RawEvent[], { began, opened, ends }: Marks): RuntimeEvent[] {
  const over = ({ ts, dur }: RawEvent): number => (ts + dur) / 1000
  const opening = raw.find(({ name }) => name === 'session_initialization')
  const runs = raw.filter(({ name }) => name === 'model_run')
  // One that failed wrote nothing down: then which is which is not known.
  const paired = runs.length === ends.length ? runs : []
  const latest = [
    opened - (opening ? over(opening) : 0),
    ...paired.map((run, at) => (ends[at] ?? Number.POSITIVE_INFINITY) - over(run)),
  ]
  const start = Math.max(
    began,
    latest.reduce((least, each) => Math.min(least, each)),
  )
  return raw.flatMap((event) => {
    const { name, cat, ts, dur, args } = event
    if (cat === 'Node' && !name.endsWith(NODE)) return []
    const node = cat === 'Node' ? { node: name.slice(0, -NODE.length), ...of(args) } : {}
    return {
      name: cat === 'Node' ? String(args?.op_name ?? name) : name,
      ...{ began: start + ts / 1000, milliseconds: dur / 1000, details: node },
    }
  })
}

const NODE = '_kernel_time'

/** What helps to tell nodes apart. */
const of = (args: RawEvent['args']) => ({
  provider: args?.provider,
  inputs: args?.input_type_shape,
  outputs: args?.output_type_shape,
})
