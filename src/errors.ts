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
