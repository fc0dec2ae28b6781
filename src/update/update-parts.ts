import { concatenate, type Dataset, samples, withLabels } from '../data/dataset.ts'
import { alignLabels, preview } from '../data/names/index.ts'
import type { LoadedData } from '../data/parts.ts'
import { DataError } from '../errors.ts'
import { type Model, namingOf } from '../model/model.ts'
import { chooseExemplars, holdOut } from './hold-out.ts'
import type { UpdateData } from './parts.ts'
import { takesAllOldRows } from './recipes/index.ts'
import { NEW_HELD_OUT, OLD_HELD_OUT, type UpdateSources } from './update-sources.ts'

export const partsOf = (parts: LoadedData | undefined): Dataset[] =>
  [parts?.train, parts?.validation, parts?.test].filter((part) => part !== undefined)

export function mapParts(
  { train, validation, test, ...rest }: LoadedData,
  change: (part: Dataset) => Dataset,
): LoadedData {
  return {
    ...rest,
    train: change(train),
    ...(validation && { validation: change(validation) }),
    ...(test && { test: change(test) }),
  }
}

/** Tokens in the longest rows: rows of one batch have to be of one length. */
export const longest = (parts: readonly Dataset[]): number =>
  Math.max(0, ...parts.map(({ inputs }) => inputs.dims[1] ?? 0))

export const gatePart = ({ train, validation, test }: LoadedData): Dataset => test ?? validation ?? train

export function withKnownClasses(
  old: LoadedData,
  model: Model,
  { old: place = '' }: UpdateSources,
  numbersArePositions: boolean,
): LoadedData {
  const { classes } = model
  const { added } = alignLabels(old.train, classes, { numbersArePositions, ...namingOf(model) })
  if (added.length === 0) return old
  throw new DataError(
    'old-classes',
    `${place}: the model does not know ${added.length === 1 ? 'the class' : 'the classes'} ${preview(added)}; it knows ${preview(classes)}. Old data hold what it knows already: correct the names, or move these rows to the new data.`,
  )
}

/** Rows without labels take any: their share of the loss on labels is 0. */
export function underNoLabels(parts: LoadedData, classes: readonly string[]): Dataset {
  const whole = concatenate(partsOf(parts))
  const labels = { type: 'int32' as const, dims: [samples(whole)], data: new Int32Array(samples(whole)) }
  return withLabels({ ...whole, kind: undefined }, labels, classes)
}

export function newPart(
  { train, validation, test }: LoadedData,
  place: string,
): [Pick<UpdateData, 'train' | 'heldOut' | 'check'>, string[]] {
  if (test && validation) return [{ train, heldOut: validation, check: test }, []]
  const given = test ?? validation
  if (given) return [{ train, heldOut: given }, []]
  const { rest, heldOut } = holdOut(train, NEW_HELD_OUT)
  const note = `${place} has no test or validation part: about ${percent(NEW_HELD_OUT)} of each class (${rows(heldOut)}) are held out from training to measure on.`
  return [{ train: rest, heldOut }, [note]]
}

export function oldPart(
  { train, validation, test }: LoadedData,
  { old: place = '', method }: UpdateSources,
  seed: number,
): [Pick<UpdateData, 'exemplars' | 'oldHeldOut' | 'oldOrder'>, string[]] {
  const chosen = (from: Dataset) => (takesAllOldRows(method) ? from : chooseExemplars(from, seed))
  if (test && validation) return [{ exemplars: chosen(train), oldOrder: validation, oldHeldOut: test }, []]
  const given = test ?? validation
  if (given) return [{ exemplars: chosen(train), oldHeldOut: given }, []]
  const { rest, heldOut } = holdOut(train, OLD_HELD_OUT)
  const note = `${place} has no test or validation part: about ${percent(OLD_HELD_OUT)} of each class (${rows(heldOut)}) are measured on, the others rehearsed. If the model was trained on these rows, the drop is that of rows it remembers.`
  return [{ exemplars: chosen(rest), oldHeldOut: heldOut }, [note]]
}

const percent = (share: number): string => `${100 * share} %`

export const rows = (dataset: Dataset): string => `${samples(dataset).toLocaleString('en-US')} rows`
