import type { Preprocessing } from './dataset.ts'
import type { DocumentFormat, Pack } from './documents/index.ts'
import type { TableOptions } from './formats/index.ts'
import type { ImageSpec, InputSpec } from './images/index.ts'
import type { Spill } from './spilled.ts'
import type { TextTokenizer } from './text/index.ts'

/** How data are read from files. */
export interface ReadOptions extends TableOptions {
  /** The data set's name; default the file's or folder's, without extension. */
  readonly name?: string | undefined
  /** The classes' names in the order of the model's outputs; default: as found, see {@link readDataset}. */
  readonly classes?: readonly string[] | undefined
  /** Default: what `input` says; without it pixels are scaled to [0, 1], other values are used as stored. */
  readonly preprocessing?: Preprocessing | undefined
  /** What the model reads, from {@link inputSpec}: how images are resized, how long texts may get. */
  readonly input?: InputSpec | undefined
  /** How images become what a model reads that has numbers for its input, where holdfast.json says it. */
  readonly image?: ImageSpec | undefined
  /** Turns texts into token ids. Without it they stay texts, string [N]. */
  readonly tokenizer?: TextTokenizer | undefined
  /** Tokens in a row; default what `input` says, else the longest text's, rounded up to a multiple of 8, at most the model's limit. */
  readonly maxLength?: number | undefined
  /** Of texts for language models: how rows of tables hold documents; default by their fields, see {@link readDocuments}. */
  readonly documents?: DocumentFormat | undefined
  /** Of the same: whether each paragraph of a text file is a document. Default false: the file is one. */
  readonly paragraphs?: boolean | undefined
  /** Of the same: how training documents become rows, see {@link packDocuments}. Default `documents`. */
  readonly pack?: Pack | undefined
  /** Of the same: tokens that a further row of a document reads again. Default 0. */
  readonly overlap?: number | undefined
  /** Without `input`: brings every image to this size in pixels (by covering it and cropping the middle); default: as they are, all of one size. */
  readonly resize?: { readonly height: number; readonly width: number } | undefined
  /** Without `input`: 3 for red, green, blue (default); 1 for grey. */
  readonly channels?: 1 | 3 | undefined
  /** How many bytes the data may take in memory; default a quarter of what the machine has, as it is held twice for a moment. */
  readonly maxBytes?: number | undefined
  /** Where rows go that memory has no room for, from `openSpill`; default they are refused. What is made of them row by row goes there, too. */
  readonly spill?: Spill | undefined
  /**
   * Whether decoded images are kept on disk, so that the next reading need not decode them; default false. They lie in `rows` in
   * HOLDFAST_CACHE (default `~/.cache/holdfast`), up to HOLDFAST_CACHE_BYTES (default 2 GiB), and are found by their content.
   */
  readonly cache?: boolean | undefined
  /** How many images that cannot be decoded may be left out; default 0. */
  readonly skipBad?: number | undefined
}
