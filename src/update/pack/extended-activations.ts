import { count } from '../../count.ts'
import { type Dataset, samples } from '../../data/dataset.ts'
import { alignLabels, placesOf } from '../../data/names/index.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { modelAbove } from '../../evaluate/cuts/index.ts'
import type { Model } from '../../model/model.ts'
import { sameDims } from '../../tensor/tensor.ts'
import { answered, predictionsOf, usedBy } from './answered.ts'
import { type HeldActivations, mergedActivations } from './held-activations.ts'
import { type ActivationChoice, cutFor, newActivations } from './new-activations.ts'
import type { Pack } from './pack.ts'
import { trunkHash } from './trunk-hash.ts'

export interface ExtendedActivations {
  readonly activations: HeldActivations | undefined
  readonly notes: readonly string[]
}

/**
 * A pack's held-out activations after an update: with what the updated model answers, and with rows that join. They are gone where the
 * update has changed what lies below their cut.
 *
 * @param rest New held-out rows that join as activations.
 * @throws UsageError `pack-mismatch` for rows that cannot stand beside the pack's.
 */
export async function extendedActivations(
  options: ActivationChoice & { readonly engine: Engine; readonly model: Model },
  pack: Pack,
  rest: Dataset | undefined,
): Promise<ExtendedActivations> {
  const { engine, model, activationsAt: at } = options
  const old = pack.activations
  const holds = old !== undefined && trunkHash(model, old.cut) === old.trunk
  const stays = holds ? await answeredAgain(engine, model, pack, old) : undefined
  if (stays && at !== undefined && at !== stays.cut.values[0]) {
    throw new UsageError(
      'pack-mismatch',
      `The pack has held-out activations at "${stays.cut.values[0]}", and new ones stand beside them: leave --activations-at ${at} out.`,
    )
  }
  const cut = rest && (stays?.cut ?? cutFor(model, rest, options))
  const made = rest && cut && (await newActivations({ engine, model, cut }, rest))
  if (stays && made && !sameDims(dimsOf(stays), dimsOf(made))) {
    throw new UsageError(
      'pack-mismatch',
      `The pack's held-out activations have dims [${dimsOf(stays).join(', ')}], those of the new rows [${dimsOf(made).join(', ')}]: rows of another length. Read the new data as the pack's were (--max-length), or hold them out as inputs (--held-out).`,
    )
  }
  const joining = made && { ...made, ...asLatest(made, pack.history.length) }
  return {
    activations: mergedActivations(stays, joining),
    notes: old && !holds ? [gone(old)] : [],
  }
}

const dimsOf = ({ dataset }: HeldActivations): readonly number[] => dataset.inputs.dims.slice(1)

/** With one use more, and under the model's classes. */
async function answeredAgain(
  engine: Engine,
  model: Model,
  pack: Pack,
  held: HeldActivations,
): Promise<HeldActivations> {
  const { dataset } = alignLabels(held.dataset, model.classes)
  const units = placesOf(pack.classes, model.classes)
  const { predictions } = await answered(engine, modelAbove(model, held.cut), dataset)
  const earlier = held.answers.map((each) => ({ ...each, data: each.data.map((unit) => units[unit] ?? -1) }))
  return {
    ...held,
    dataset,
    uses: { ...held.uses, data: held.uses.data.map((releases) => releases + 1) },
    answers: [...earlier, predictions],
  }
}

/** Rows that came with the last release, which alone was asked about them; it was proved on others. */
function asLatest(
  { dataset, answers }: HeldActivations,
  earlier: number,
): Pick<HeldActivations, 'uses' | 'answers'> {
  const rows = samples(dataset)
  const unasked = Array.from({ length: earlier }, () => predictionsOf(rows, undefined))
  return { uses: usedBy(rows, 0), answers: [...unasked, ...answers] }
}

const gone = ({ cut, dataset }: HeldActivations): string =>
  `What lies below "${cut.values[0]}" has changed: the ${count(samples(dataset), 'held-out row')} that the pack had as activations there are gone, and what is held out as inputs proves alone.`
