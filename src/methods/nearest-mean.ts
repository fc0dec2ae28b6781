import { z } from 'zod'
import { classLabels, type Dataset, kindOf } from '../data/dataset.ts'
import { UsageError } from '../errors.ts'
import { type ClassSums, classSums } from '../evaluate/class-sums.ts'
import { requireHead } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import { present, required } from '../required.ts'
import { float32, sizeOf } from '../tensor/tensor.ts'
import { ONLINE_MEMORY } from './borders.ts'
import { UNSEEN } from './closed-form/index.ts'
import { methodEntry } from './entry.ts'
import type { ConsolidateContext, Method, MethodState } from './method.ts'

const options = z.strictObject({})

/**
 * The nearest-mean classifier, read as a linear head: the class whose mean feature vector m_c is nearest to f is the one
 * with the largest 2 f . m_c - |m_c|^2, so the head gets weights 2 m_c and biases -|m_c|^2, and what is exported is the
 * model with another head (Rebuffi et al. 2017; on frozen features SimpleCIL, Zhou et al. 2023). Training goes on with
 * the head that is trained. At a task's end the means of old classes are taken anew from what is replayed of them, where
 * another method of the composition replays; else they stay as they were, which is exact while the features stay.
 *
 * @throws UsageError `nearest-mean-labels` for rows without one class each; ModelError `head-missing`; UsageError
 * `nearest-mean-head` for a head without a bias, or a convolution over more than a point.
 * @example
 * const method = compose(nearestMean(), replay({ perClass: 20 }))
 */
export function nearestMean(): Method {
  return {
    name: 'nearest-mean',
    settings: {},
    past: 'rows',
    needsBorders: `It takes the means of classes when a task ends. ${ONLINE_MEMORY}`,
    consolidate: async (state, context) => ({ state: await meansAfter(state, context) }),
    answer: (model, { tensors }) => {
      const [means, counts] = [tensors.get('means')?.data, tensors.get('counts')?.data]
      if (!means || !counts) return model
      return withMeans('nearest-mean', model, {
        means: means as Float32Array,
        counts: counts as Float32Array,
      })
    },
  }
}

async function sumsOf({ reader, outputs }: ConsolidateContext, dataset: Dataset): Promise<ClassSums> {
  if (kindOf(dataset) !== 'classification') {
    throw new UsageError(
      'nearest-mean-labels',
      `A nearest mean is that of a class, but the labels of "${dataset.name}" are for ${kindOf(dataset)}. Leave nearest-mean out.`,
    )
  }
  return classSums(await reader.features(dataset), classLabels(dataset), outputs)
}

async function meansAfter(state: MethodState, context: ConsolidateContext): Promise<MethodState> {
  const { trace, train, outputs } = context
  const fresh = await sumsOf(context, train)
  const { width } = fresh
  const replayed = (trace?.sources() ?? []).filter(
    ({ name, labelled }) => name !== 'new' && labelled !== false,
  )
  const again = await Promise.all(replayed.map(({ dataset }) => sumsOf(context, dataset)))
  const before = { means: state.tensors.get('means')?.data, counts: state.tensors.get('counts')?.data }
  const means = float32([outputs, width])
  const counts = float32([outputs])
  for (let unit = 0; unit < outputs; unit++) {
    const known = Number(before.counts?.[unit] ?? 0)
    const seen = again.reduce((sum, one) => sum + Number(one.counts[unit]), 0)
    const count = known + Number(fresh.counts[unit])
    counts.data[unit] = count
    for (let place = unit * width; place < (unit + 1) * width; place++) {
      const renewed = again.reduce((sum, one) => sum + Number(one.sums[place]), 0) / seen
      const old = known === 0 ? 0 : known * (seen > 0 ? renewed : Number(before.means?.[place]))
      means.data[place] = count > 0 ? (old + Number(fresh.sums[place])) / count : 0
    }
  }
  return { tensors: new Map(Object.entries({ means, counts })), values: {} }
}

/** Means of classes, one after another, and of how many rows each is: 0 for classes without. */
interface Means {
  readonly means: Float32Array
  readonly counts: Float32Array
}

/**
 * The model with the means for its head.
 *
 * @throws UsageError `nearest-mean-head`.
 */
export function withMeans(method: string, model: Model, { means, counts }: Means): Model {
  const { weight, bias, classAxis } = requireHead(model)
  const { dims } = required(model.parameters, weight, 'parameter')
  const [outputs, width] = [counts.length, means.length / counts.length]
  if (bias === undefined || sizeOf(dims) !== means.length) {
    throw new UsageError(
      'nearest-mean-head',
      `A nearest mean (${method}) needs a head with a bias and one weight a class and feature, ${outputs} by ${width}; "${weight}" is [${dims.join(', ')}]${bias === undefined ? ' and has no bias' : ''}. Leave ${method} out.`,
    )
  }
  const values = float32(dims)
  const biases = float32(required(model.parameters, bias, 'parameter').dims)
  for (let unit = 0; unit < outputs; unit++) {
    const mean = means.subarray(unit * width, (unit + 1) * width)
    mean.forEach((value, at) => {
      values.data[classAxis === 0 ? unit * width + at : at * outputs + unit] = 2 * value
    })
    const square = mean.reduce((sum, value) => sum + value * value, 0)
    biases.data[unit] = present(counts[unit], 'count') > 0 ? -square : UNSEEN
  }
  return { ...model, parameters: new Map([...model.parameters, [weight, values], [bias, biases]]) }
}

export const nearestMeanEntry = methodEntry({
  name: 'nearest-mean',
  summary: 'the head is read as the nearest class mean (Rebuffi et al. 2017)',
  needs: 'no',
  keeps: 'a mean a class',
  alone: 'reads the head as the means of the task’s classes',
  helps: 'new classes on features that hardly move; with replay as iCaRL reads its model',
  options,
  create: nearestMean,
})
