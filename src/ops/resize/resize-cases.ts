import { type Attributes, float } from '../../onnx/graph.ts'
import type { CaseInput, OpCase } from '../core/index.ts'

const image: CaseInput = { dims: [2, 2, 4, 5] }
const list = (values: readonly number[]): CaseInput => ({ dims: [values.length], values, constant: true })
const sizes = (values: readonly number[]): CaseInput => ({ ...list(values), type: 'int64' })
const byScales = (values: readonly number[], x = image) => [x, undefined, list(values)]
const toSizes = (values: readonly number[], x = image) => [x, undefined, undefined, sizes(values)]

const transforms = ['half_pixel', 'half_pixel_symmetric', 'pytorch_half_pixel', 'align_corners', 'asymmetric']
const nearestRules = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']

const named = (name: string, inputs: OpCase['inputs'], attributes: Attributes, opset?: number): OpCase => ({
  name,
  inputs,
  attributes,
  ...(opset ? { opset } : {}),
})

const everyTransform = (mode: string): OpCase[] =>
  transforms.flatMap((transform) => {
    const attributes = { mode, coordinate_transformation_mode: transform }
    return [
      named(`${mode}, ${transform}, larger`, byScales([1, 1, 2.3, 1.7]), attributes),
      named(`${mode}, ${transform}, smaller`, byScales([1, 1, 0.6, 0.7]), attributes),
      named(`${mode}, ${transform}, to sizes`, toSizes([2, 2, 7, 3]), attributes),
      named(`${mode}, ${transform}, to one`, toSizes([2, 2, 1, 8]), attributes),
    ]
  })

const everyNearestRule = (): OpCase[] =>
  nearestRules.flatMap((rule) =>
    transforms.map((transform) =>
      named(`nearest, ${rule}, ${transform}`, byScales([1, 1, 1.5, 0.5]), {
        coordinate_transformation_mode: transform,
        nearest_mode: rule,
      }),
    ),
  )

const doubling = { coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' }
const crop = { coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: float(0.3) }
const region = list([0, 0, 0.2, -0.1, 1, 1, 0.8, 1.2])

export function resizeCases(): OpCase[] {
  return [
    ...['nearest', 'linear', 'cubic'].flatMap(everyTransform),
    ...everyNearestRule(),
    named('nearest, doubled', byScales([1, 1, 2, 2]), doubling),
    named('nearest, three and two times', byScales([1, 1, 3, 2]), { nearest_mode: 'round_prefer_ceil' }),
    named('nearest, sequence', byScales([1, 1, 2], { dims: [2, 3, 4] }), doubling),
    named('nearest, volume', byScales([1, 1, 2, 1, 3], { dims: [1, 2, 2, 3, 2] }), doubling),
    named('nearest, channels too', byScales([1, 2, 2, 1]), doubling),
    named('nearest, one axis', byScales([2.5], { dims: [4] }), {}),
    named(
      'nearest, integers',
      byScales([1, 1, 2, 2], { dims: [1, 1, 2, 3], type: 'int32', constant: false }),
      {},
    ),
    named('linear, matrix', byScales([1.5, 2], { dims: [3, 4] }), { mode: 'linear' }),
    named('linear, volume', byScales([1, 1, 2, 1.5, 2], { dims: [1, 2, 2, 3, 2] }), { mode: 'linear' }),
    named('linear, channels last', byScales([1, 2, 1.5, 1]), { mode: 'linear' }),
    named('cubic, matrix', byScales([1.5, 2], { dims: [3, 4] }), { mode: 'cubic' }),
    named('cubic, own coefficient', byScales([1, 1, 1.5, 2]), { mode: 'cubic', cubic_coeff_a: float(-0.5) }),
    named('cubic, exclude_outside', byScales([1, 1, 0.8, 2]), { mode: 'cubic', exclude_outside: 1 }),
    ...['linear', 'cubic'].flatMap((mode) =>
      [0, 1].flatMap((exclude_outside) => {
        const attributes = { mode, exclude_outside, antialias: 1 }
        const name = `${mode}, antialias${exclude_outside ? ', exclude_outside' : ''}`
        const large = { dims: [1, 2, 7, 9] }
        return [
          named(`${name}, smaller`, byScales([1, 1, 0.4, 0.3], large), attributes),
          named(`${name}, larger`, byScales([1, 1, 1.6, 0.7]), attributes),
        ]
      }),
    ),
    named('nothing to do', byScales([1, 1, 1, 1]), { mode: 'linear' }),
    named('axes, scales', byScales([2, 1.5]), { mode: 'linear', axes: [2, 3] }),
    named('axes in another order', byScales([2, 1.5]), { mode: 'linear', axes: [3, 2] }),
    named('axes, sizes', toSizes([7, 3]), { axes: [2, 3] }),
    named('not larger', toSizes([7, 7]), {
      mode: 'linear',
      axes: [2, 3],
      keep_aspect_ratio_policy: 'not_larger',
    }),
    named('not smaller', toSizes([7, 7]), { axes: [2, 3], keep_aspect_ratio_policy: 'not_smaller' }),
    ...['nearest', 'linear', 'cubic'].map((mode) =>
      named(`${mode}, region`, [image, region, undefined, sizes([2, 2, 3, 7])], { mode, ...crop }),
    ),
    named(
      'empty region and scales, opset 11',
      [image, list([]), list([]), sizes([2, 2, 8, 10])],
      { mode: 'linear' },
      11,
    ),
    named('empty region, opset 13', [image, list([]), list([1, 1, 2, 2])], doubling, 13),
    named('nearest, opset 10', [image, list([1, 1, 2, 3])], {}, 10),
    named('nearest, smaller, opset 10', [image, list([1, 1, 0.5, 0.4])], {}, 10),
    named('nearest, both, opset 10', [image, list([1, 1, 0.5, 1.7])], {}, 10),
    named('linear, opset 10', [image, list([1, 1, 0.5, 2])], { mode: 'linear' }, 10),
  ]
}
