import { followed } from '../followed.ts'
import type { UpdateAnswer, UpdateJob } from '../updates/index.ts'
import { readAnswer } from '../updates/index-files.ts'
import type { Asking } from './asking-files.ts'

export interface AskUpdate {
  readonly asking: Asking
  readonly store: string
  readonly update: UpdateJob
  readonly identity: string
  /** For people. */
  readonly name: string
}

/** Puts an update into the queue, unless the store has its answer or it is there already. */
export async function sendUpdate(asked: AskUpdate): Promise<void> {
  const { asking, store, identity } = asked
  if (await readAnswer(store, identity)) return
  await followed(asking.follow(identity, () => add(asked), AbortSignal.abort()))
}

const add = ({ asking, update, identity, name }: AskUpdate) =>
  asking.queue.add(name, update, asking.settings(identity))

/**
 * Has an update done, or takes what the store has of it. Stopped, it leaves the update where it is and gives undefined.
 *
 * @param say is told the lines that the update says
 */
export async function askForUpdate(
  asked: AskUpdate,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<UpdateAnswer | undefined> {
  const { asking, store, identity } = asked
  for (;;) {
    const found = await readAnswer(store, identity)
    if (found) return found
    const end = await followed(
      asking.follow(identity, () => add(asked), signal),
      (event) => say(String((event as { readonly line?: unknown }).line)),
    )
    if (!end) return undefined
  }
}
