/**
 * What went wrong, in a form a program can act on: `code` never changes between releases, `message` is one
 * paragraph for people (what was expected, what was found, the way out).
 */
export class HoldfastError extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.code = code
  }
}

/** The caller asked for something that makes no sense: an unknown name, a value out of range, a missing argument. */
export class UsageError extends HoldfastError {}

/** A model file or graph that cannot be read, or cannot be what it says it is. */
export class ModelError extends HoldfastError {}

/** A data set, or a row of one, that cannot be read. */
export class DataError extends HoldfastError {}

/** An op that Holdfast cannot shape, differentiate or fold where it would have to. */
export class UnsupportedOpError extends HoldfastError {}

/** Training stopped because going on would be wrong: a loss that is not finite, a step that cannot be built. */
export class TrainingError extends HoldfastError {}

/** A run folder or checkpoint that is damaged, incomplete, or not of the run that was asked to go on. */
export class CheckpointError extends HoldfastError {}

/** The machine is at fault: no network, no such device, a full disk, a missing package. */
export class EnvironmentError extends HoldfastError {}

/** Something is not there that has to be: the program, or code that handed it its parts, is at fault, and not the data. */
export class MissingError extends HoldfastError {}

/**
 * The end of a message about an unknown name: ` Did you mean "ewc"?` where one of `known` is close, else nothing.
 *
 * @example
 * throw new UsageError('method-unknown', `There is no method "${name}".${didYouMean(name, known)}`)
 */
export function didYouMean(name: string, known: Iterable<string>): string {
  const limit = Math.max(2, Math.floor(name.length / 3))
  const ranked = [...known]
    .map((candidate) => ({ candidate, distance: editDistance(name.toLowerCase(), candidate.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best && best.distance <= limit && best.distance < name.length
    ? ` Did you mean "${best.candidate}"?`
    : ''
}

/** Levenshtein distance: insertions, deletions and changes that lead from one word to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const change = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
