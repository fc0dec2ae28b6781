import { type Dataset, kindOf } from '../../data/dataset.ts'
import { alignLabels, preview } from '../../data/names/index.ts'
import { asWarning } from '../../data/notes.ts'
import type { ReadOptions } from '../../data/read-options.ts'
import { type PreprocessingName, preprocessed } from '../../data/reading.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError, ModelError } from '../../errors.ts'
import { labelledFigures } from '../../evaluate/index.ts'
import { namingOf } from '../../model/model.ts'
import { checkRows } from '../check-rows.ts'
import type { NamedModel } from '../gate/index.ts'
import { readMeasured } from '../model-data-files.ts'

export interface LabelledReading {
  readonly reading: ReadOptions
  readonly preprocessing: PreprocessingName | undefined
  readonly numbersArePositions: boolean | undefined
}

/** How well a model that is no language model answers the labelled rows at a path. */
export async function evaluateLabelled(
  engine: Engine,
  named: NamedModel,
  path: string,
  { reading, preprocessing, numbersArePositions }: LabelledReading,
) {
  const { name, model } = named
  const loaded = preprocessed(await readMeasured(path, reading), preprocessing)
  const [part, rows] = measuredPart(loaded)
  checkRows(rows, model, path)
  const { dataset, notes } = underClasses(rows, named, numbersArePositions)
  const labelled = await labelledFigures(engine, model, dataset, name)
  return { part, labelled, dataset, notes: [...loaded.notes, ...notes] }
}

type Parts = Pick<ReturnType<typeof preprocessed>, 'train' | 'validation' | 'test'>

function measuredPart({ train, validation, test }: Parts) {
  if (test) return ['test', test] as const
  return validation ? (['validation', validation] as const) : (['train', train] as const)
}

/** Labels in the order of the model's classes. */
function underClasses(
  rows: Dataset,
  { name, model }: NamedModel,
  numbersArePositions: boolean | undefined,
): { readonly dataset: Dataset; readonly notes: readonly string[] } {
  if (kindOf(rows) === 'regression') return { dataset: rows, notes: [] }
  if (model.classes.length === 0) {
    throw new ModelError(
      'labels-missing',
      `${name}: the file does not say which classes its outputs are. Put a labels.txt beside it, one class a line.`,
    )
  }
  const { dataset, added, notes } = alignLabels(rows, model.classes, {
    numbersArePositions,
    ...namingOf(model),
  })
  if (added.length === 0) return { dataset, notes }
  const none = added.length === rows.classes.length
  if (none || kindOf(rows) === 'multi-label') {
    throw new DataError(
      'evaluate-classes',
      `${rows.name}: ${none ? 'none of the labels' : 'not every label'} (${preview(none ? rows.classes : added)}) is a class of ${name}, which has ${preview(model.classes)}. Classes are matched by name: correct the labels, or put a labels.txt beside the model.`,
    )
  }
  const warning = `${rows.name}: ${preview(added)} ${added.length === 1 ? 'is no class' : 'are no classes'} of ${name}, which has no right answer to such rows: they count as wrong.`
  return { dataset, notes: [...notes, asWarning(warning)] }
}
