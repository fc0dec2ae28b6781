import { ModelError } from '../../errors.ts'
import { type Head, requireHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'
import { itemAt, required } from '../../required.ts'
import { float32, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import type { Classifier } from './classifier.ts'

/**
 * The head where a classifier that was worked out can take its place.
 *
 * @throws ModelError `head-missing`, `head-tied`; `head-closed-form` for a head that is not linear in one vector a row, or has not one
 * logit a class.
 */
export function linearHead(model: Model): Head {
  const head = requireHead(model)
  const { dims } = required(model.parameters, head.weight, 'parameter')
  const values = new Set(head.values)
  const bent = model.graph.nodes.find(
    ({ op, outputs }) => op === 'Relu' && outputs.some((name) => values.has(name)),
  )
  const reason = model.binary
    ? 'the model gives one number for two classes'
    : sizeOf(dims.slice(2)) !== 1
      ? `it is a convolution over more than a point, [${dims.join(', ')}]`
      : bent && 'a Relu stands behind it'
  if (!reason) return head
  throw new ModelError(
    'head-closed-form',
    `The head "${head.node}" cannot be worked out from sums of its features: ${reason}. Train it by steps instead.`,
  )
}

/** Weights and biases of a head, in float64; zeros for biases that it has not. */
export function classifierOf({ parameters }: Model, { weight, bias, classAxis, classes }: Head): Classifier {
  const { data } = required(parameters, weight, 'parameter') as Tensor<'float32'>
  const width = data.length / classes
  const weights = new Float64Array(data.length)
  for (const [at, value] of data.entries()) {
    const place = classAxis === 0 ? at : (at % classes) * width + Math.floor(at / classes)
    weights[place] = value
  }
  const biases =
    bias === undefined
      ? new Float64Array(classes)
      : Float64Array.from(required(parameters, bias, 'parameter').data as Float32Array)
  return { weights, biases }
}

/** A classifier as the tensors of the head, under their names. */
export function headTensors(
  { parameters }: Model,
  { weight, bias, classAxis, classes }: Head,
  { weights, biases }: Classifier,
): Map<string, Tensor<'float32'>> {
  const values = float32(required(parameters, weight, 'parameter').dims)
  const width = weights.length / classes
  for (let at = 0; at < weights.length; at++) {
    const place = classAxis === 0 ? at : (at % classes) * width + Math.floor(at / classes)
    values.data[at] = itemAt(weights, place, 'weight')
  }
  const tensors = new Map([[weight, values]])
  if (bias !== undefined) {
    tensors.set(bias, float32(required(parameters, bias, 'parameter').dims, Float32Array.from(biases)))
  }
  return tensors
}
