import type { Dataset } from '../data/dataset.ts'
import { byLength, type RowsOfLength } from '../data/row-lengths.ts'
import { statedLength } from '../model/language.ts'
import type { Model } from '../model/model.ts'

/** The rows of a data set that a model reads together, by how far; all in one length where its file fixes that. */
export const rowsTogether = (model: Model, dataset: Dataset): readonly RowsOfLength[] =>
  byLength(statedLength(model) === undefined ? dataset : { ...dataset, causal: false })
