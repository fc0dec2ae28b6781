import type { Unzipped } from 'fflate'
import type { z } from 'zod'
import { createDataset, samples } from '../../data/dataset.ts'
import type { Place } from '../../evaluate/cuts/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { damaged, tensorsIn } from '../pack-container.ts'
import type { HeldActivations } from './held-activations.ts'
import { ACTIVATIONS, type ActivationFacts, type activationFacts } from './pack-format.ts'

export function factsOfActivations({ cut, trunk, dataset }: HeldActivations): ActivationFacts {
  const { values, types, dims, rowDims } = cut
  const { name, synthetic, preprocessing: stored } = dataset
  return {
    cut: {
      values: [...values],
      types: [...types],
      dims: dims.map((each) => (each ? [...each] : null)),
      rowDims: rowDims && [...rowDims],
    },
    ...{ trunk, name, synthetic, preprocessing: stored },
  } as ActivationFacts
}

/** Held-out activations as tensors of a pack's member. */
export const activationTensors = ({ dataset, keys, uses, answers }: HeldActivations): Map<string, Tensor> =>
  new Map<string, Tensor>([
    ['inputs', dataset.inputs],
    ['labels', dataset.labels],
    ['keys', keys],
    ['uses', uses],
    ...answers.map((each, at) => [`history/${at}`, each] as const),
  ])

/** The held-out activations of a pack's member. */
export function activationsIn(
  files: Unzipped,
  { cut, trunk, ...rows }: z.output<typeof activationFacts>,
  {
    classes,
    releases,
    name,
  }: { readonly classes: readonly string[]; readonly releases: number; readonly name: string },
): HeldActivations {
  const { take } = tensorsIn(files, ACTIVATIONS, name)
  const dataset = createDataset({ ...rows, inputs: take('inputs'), labels: take('labels', 'int32'), classes })
  const held: HeldActivations = {
    cut: { ...cut, dims: cut.dims.map((each) => each ?? undefined) } as Place,
    trunk,
    dataset,
    keys: take('keys', 'uint8'),
    uses: take('uses', 'int32'),
    answers: Array.from({ length: releases }, (_, at) => take(`history/${at}`, 'int32')),
  }
  const beside: readonly (readonly [string, Tensor])[] = [
    ['keys', held.keys],
    ['uses', held.uses],
    ...held.answers.map((each, at) => [`history/${at}`, each] as const),
  ]
  for (const [key, { dims }] of beside) {
    if (dims[0] === samples(dataset)) continue
    throw damaged(
      name,
      ACTIVATIONS,
      `"${key}" has dims [${dims}], and its first should be ${samples(dataset)}, as many as there are rows`,
    )
  }
  if (cut.values.length !== cut.types.length || cut.values.length !== cut.dims.length) {
    throw damaged(name, ACTIVATIONS, 'the values of its cut do not have a type and dims each')
  }
  return held
}
