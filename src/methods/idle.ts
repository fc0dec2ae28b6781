import type { MethodEntry } from './entry.ts'
import { methodParts } from './registry.ts'

/** What comes before a stream's first task. */
export interface Before {
  /** How many tasks the stream has. */
  readonly tasks: number
  /** Whether its model was trained before. */
  readonly model: boolean
  /** Whether it still gives its answers: not where its head starts anew. */
  readonly answers: boolean
  /** Whether there are rows of what it was trained on. */
  readonly rows: boolean
}

/** Parts of a method that hold nothing in the first task. */
interface IdleParts {
  readonly parts: readonly MethodEntry[]
  /** Whether the whole method is plain training, in all tasks. */
  readonly nothing: boolean
}

/** Parts of a method that do not hold what came before a stream; plain training is none. */
export function idleParts(name: string, before: Before): IdleParts {
  const asked = methodParts(name).filter(({ past }) => past !== 'nothing')
  const parts = asked.filter((entry) => !holdsGiven(entry, before))
  const nothing = before.tasks === 1 && asked.length > 0 && parts.length === asked.length
  return { parts, nothing: nothing && parts.every(({ alone }) => alone === undefined) }
}

function holdsGiven({ past, teaches }: MethodEntry, { model, answers, rows }: Before): boolean {
  if (past === 'weights') return model && (answers || !teaches)
  return past === 'rows' && rows
}

/**
 * What to know of a method's parts that do nothing, or hold nothing of what the model knew: a sentence or two each. Of a new model that learns
 * several tasks nothing is to be said: there is nothing to hold in the first.
 *
 * @example
 * idleWords('ewc', { tasks: 1, model: false, answers: false, rows: false }) // one sentence
 */
export function idleWords(name: string, before: Before): readonly string[] {
  if (!before.model && before.tasks > 1) return []
  return idleParts(name, before).parts.map((part) => (before.model ? ofTrained(part, before) : ofNew(part)))
}

const ofNew = ({ name, alone }: MethodEntry): string =>
  alone === undefined
    ? `there is one task and nothing before it, so ${name} has nothing to hold: this is plain training.`
    : `there is one task and nothing before it, so ${name} only ${alone}.`

function ofTrained({ name, past, alone, teaches }: MethodEntry, { tasks, answers }: Before): string {
  const does =
    tasks > 1
      ? ' before the first task ends'
      : alone === undefined
        ? ': this is plain training'
        : `; it only ${alone}`
  const what = `${name} holds nothing of what the model knows${does}`
  if (past === 'training') {
    return `${what}, as it goes by how a model was trained. Take l2-sp or lwf, which hold a model as it is.`
  }
  if (teaches && !answers) {
    return `${what}, as its head starts anew (model.head: replace) and gives no answers to distil. Keep the head (model.head: widen), or take l2-sp.`
  }
  return `${what}, as it needs rows that the model was trained on. Name some (model.old, --old; self for texts that a language model writes itself), or take l2-sp, lwf or distil, which need none.`
}
