import { alignLabels } from '../data/align.ts'
import type { Dataset, Preprocessing } from '../data/dataset.ts'
import { preview } from '../data/labels.ts'
import { UsageError } from '../errors.ts'
import type { Model } from '../model/model.ts'
import { checkRows } from './check-rows.ts'
import type { Pack } from './pack.ts'
import type { UpdateData } from './parts.ts'

/**
 * A retention pack's rows as an update's old data, under the classes of the updated model.
 *
 * @param place What messages call the pack.
 * @param preprocessing Of the new data, which the pack's rows will stand beside.
 * @throws UsageError `pack-model` when the pack is of a model with classes that this one does not know, `pack-private` when it holds features
 * only, `pack-preprocessing` when its rows become inputs in another way; DataError `data-dims`.
 */
export function packRows(
  pack: Pack,
  model: Model,
  place: string,
  classes: readonly string[],
  preprocessing: Preprocessing,
): Pick<UpdateData, 'exemplars' | 'oldHeldOut'> {
  const strange = pack.classes.filter((name) => !model.classes.includes(name))
  if (strange.length > 0) {
    throw new UsageError(
      'pack-model',
      `${place}: the pack is of ${pack.model.name}, which knows ${preview(strange)}, but this model knows only ${preview(model.classes)}. Give the pack that was made of this model.`,
    )
  }
  if (pack.private) {
    throw new UsageError(
      'pack-private',
      `${place}: the pack is private: it holds features and no inputs, and an update trains what these features come from. Make one with inputs (holdfast keep without --private), or give the old data (--old).`,
    )
  }
  const under = (dataset: Dataset | undefined): Dataset | undefined => {
    if (!dataset) return undefined
    checkRows(dataset, model, place)
    if (!sameNormalisation(dataset.preprocessing, preprocessing)) {
      throw new UsageError(
        'pack-preprocessing',
        `${place}: the pack's rows become inputs by ${JSON.stringify(dataset.preprocessing)}, the new data's by ${JSON.stringify(preprocessing)}. Read the new data as the pack's were (--preprocessing, or holdfast.json beside the model).`,
      )
    }
    return { ...alignLabels(dataset, classes).dataset, preprocessing }
  }
  return { exemplars: under(pack.exemplars), oldHeldOut: under(pack.heldOut?.dataset) }
}

/** Equal in every field, whatever their order. */
const sameNormalisation = (a: Preprocessing, b: Preprocessing): boolean =>
  (['scale', 'mean', 'std', 'channelAxis', 'pad'] as const).every(
    (key) => JSON.stringify(a[key]) === JSON.stringify(b[key]),
  )
