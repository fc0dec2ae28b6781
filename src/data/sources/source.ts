import type { TableOptions } from '../formats/index.ts'
import type { RawPart } from '../parts.ts'

/** The rows of one split, not read yet. */
export interface Source {
  /** Parts of at most `rows` rows, in order, read as they are asked for. */
  readonly parts: (rows: number) => AsyncGenerator<RawPart>
}

/** How sources are read: what tables are told, and what is known beforehand. */
export interface SourceOptions extends TableOptions {
  readonly classes?: readonly string[] | undefined
  /** The most bytes that a packed file may unpack to; default a quarter of the machine's memory. */
  readonly maxBytes?: number | undefined
}

/** The splits that were found at a place, by name: train, validation, test, or the name asked for. */
export type Sources = ReadonlyMap<string, Source>
