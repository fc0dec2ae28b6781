import type { UpdateOptions } from './update-types.ts'

type Models = Pick<UpdateOptions, 'model' | 'widened'>

/** Outputs of the old model. */
export const outputsOf = ({ model, widened }: Models): number =>
  model.classes.length > 0 ? model.classes.length : widened.classes.length

/** Whether there are classes that the old model does not have. */
export const addsClasses = (models: Models): boolean => models.widened.classes.length > outputsOf(models)
