import { samples } from '../data/dataset.ts'
import { outputsOf } from './classes.ts'
import type { Context } from './context.ts'
import { updateDefaults } from './defaults.ts'
import { rowsIn } from './parts.ts'
import type { Rung } from './recipes/index.ts'
import type { UpdateOptions } from './update-types.ts'

/** Rows a step: of new data. */
export const batchOf = ({ batchSize = updateDefaults.batchSize, data }: UpdateOptions): number =>
  Math.min(batchSize, samples(data.train))

/** What of an update a method's options depend on, in the trial of that number. */
export const placeOf = (
  { options, parts }: Pick<Context, 'options' | 'parts'>,
  trial: number,
  rung: Rung,
) => ({
  ...{ trial, protection: rung.protection, batchSize: batchOf(options) },
  oldRows: rowsIn(parts.exemplars),
  oldClasses: outputsOf(options),
  classes: options.widened.classes.length,
})
