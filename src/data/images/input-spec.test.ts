import { expect, test } from 'vitest'
import { type InputFacts, inputSpec } from './input-spec.ts'

const photo = { type: 'float32', dims: ['batch', 3, 224, 224] } as const satisfies InputFacts
const images = (facts: InputFacts) => {
  const spec = inputSpec(facts)
  if (spec.kind !== 'image') throw new Error(`expected images, found ${spec.kind}`)
  return spec
}
const theirs = (config: object) => ({ preprocessorConfig: JSON.stringify(config) })

test('without files the dims say it, and what is assumed is told', () => {
  const spec = images(photo)
  expect(spec.image).toMatchObject({
    channels: 'rgb',
    layout: 'NCHW',
    resize: { how: 'cover', height: 224, width: 224 },
  })
  expect(spec.preprocessing).toEqual({ scale: 1 / 255, mean: 0, std: 1 })
  expect(spec.notes).toHaveLength(2)
  expect(images({ type: 'uint8', dims: [1, 28, 28, 1] })).toMatchObject({
    image: { channels: 'grey', layout: 'NHWC' },
    preprocessing: { scale: 1 },
  })
  expect(images({ type: 'float32', dims: ['n', 'c', 'h', 'w'] }).image.resize).toBeUndefined()
  expect(inputSpec({ type: 'int64', dims: ['n', 128] })).toEqual({ kind: 'text', maxLength: 128, notes: [] })
  expect(inputSpec({ type: 'int64', dims: ['n', 't'], holdfast: '{"maxLength": 32}' })).toMatchObject({
    maxLength: 32,
  })
  expect(inputSpec({ type: 'float32', dims: ['n', 784] })).toMatchObject({ kind: 'numbers' })
  expect(inputSpec({ type: 'float32', dims: undefined })).toMatchObject({ kind: 'numbers' })
})

const imagenet = { image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225] }

test('preprocessor_config.json: ViT stretches, CLIP resizes the shortest edge and crops', () => {
  const vit = images({
    ...photo,
    ...theirs({ do_resize: true, size: 224, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] }),
  })
  expect(vit.image).toMatchObject({
    resize: { how: 'stretch', height: 224, width: 224 },
    resample: 'bilinear',
  })
  expect(vit.image.crop).toBeUndefined()
  expect(vit.preprocessing).toEqual({ scale: 1 / 255, mean: 0.5, std: 0.5 })
  const clip = images({
    ...photo,
    ...theirs({
      size: { shortest_edge: 256 },
      resample: 3,
      do_center_crop: true,
      crop_size: { height: 224, width: 224 },
      rescale_factor: 0.00392156862745098,
      ...imagenet,
    }),
  })
  expect(clip.image).toMatchObject({
    resize: { how: 'shortest-edge', edge: 256 },
    crop: { height: 224, width: 224 },
    resample: 'bicubic',
  })
  expect(clip.preprocessing).toEqual({ scale: 1 / 255, mean: imagenet.image_mean, std: imagenet.image_std })
  expect(clip.notes).toEqual([])
  const convnext = images({
    ...photo,
    ...theirs({ size: { shortest_edge: 224 }, crop_pct: 0.875, resample: 3 }),
  })
  expect(convnext.image).toMatchObject({
    resize: { how: 'shortest-edge', edge: 256 },
    crop: { height: 224, width: 224 },
  })
  const raw = images({ ...photo, ...theirs({ size: 224, do_rescale: false, do_flip_channel_order: true }) })
  expect(raw).toMatchObject({ preprocessing: { scale: 1 }, image: { channels: 'bgr' } })
})

test('channels last put mean and std at axis 3', () => {
  const spec = images({ type: 'float32', dims: [1, 224, 224, 3], ...theirs({ size: 224, ...imagenet }) })
  expect(spec.preprocessing.channelAxis).toBe(3)
  expect(spec.image.layout).toBe('NHWC')
})

test('holdfast.json has the last word', () => {
  const spec = images({
    ...photo,
    ...theirs({ size: 256, ...imagenet }),
    holdfast:
      '{"resize": {"height": 224, "width": 224}, "resample": "lanczos", "mean": 0, "std": 1, "channels": "bgr"}',
  })
  expect(spec).toMatchObject({
    image: { resize: { how: 'stretch', height: 224 }, resample: 'lanczos', channels: 'bgr' },
    preprocessing: { scale: 1 / 255, mean: 0, std: 1 },
  })
})

test('what cannot be done, or does not fit the model, is refused with the field', () => {
  const refused = (more: Partial<InputFacts>) => () => inputSpec({ ...photo, folder: 'vit', ...more })
  expect(refused({ holdfast: '{"means": 1}' })).toThrow(
    /^vit, holdfast.json: At the top there is no setting "means"; known are channels, .*Did you mean "mean"\?$/,
  )
  expect(refused({ holdfast: '{"fit": "letterbox"}' })).toThrow(
    /^vit, holdfast.json: At the top there is no setting "fit"; .*\. "fit" stands in resize\.$/,
  )
  expect(refused({ holdfast: '{"resize": {"height": 48}}' })).toThrow(
    'resize: expected settings (height, width, fit, fill, align), or settings (shortestEdge), found {"height":48}.',
  )
  expect(refused({ holdfast: '{"resize": {"height": 48, "width": 9, "fit": "box"}}' })).toThrow(
    'found {"height":48',
  )
  expect(refused({ holdfast: '{"scale": 0}' })).toThrow('scale: expected a number above 0, found 0.')
  expect(refused(theirs({ image_mean: 'half' }))).toThrow(
    /^vit, preprocessor_config.json: image_mean: expected .*, found "half"\.$/,
  )
  expect(refused({ holdfast: '{' })).toThrow('vit, holdfast.json: this is not JSON')
  expect(refused(theirs({ size: 224, resample: 4 }))).toThrow('vit, preprocessor_config.json: resample is 4')
  expect(refused(theirs({ size: { longest_edge: 800 } }))).toThrow('size is {"longest_edge":800}')
  expect(refused(theirs({ do_normalize: true }))).toThrow('do_normalize is true')
  expect(refused(theirs({ size: 384 }))).toThrow('images of 384 x 384 pixels, but the model reads 224 x 224')
  expect(refused({ holdfast: '{"channels": "grey"}' })).toThrow('1 channel, but the model reads 3')
  expect(refused({ holdfast: '{"mean": [1, 2]}' })).toThrow('mean or std has 2 values')
})

test('EfficientNet: include_top divides once more, rescale_offset takes 1 away', () => {
  const std = [0.4, 0.5, 0.6]
  const base = { image_mean: [0.1, 0.2, 0.3], image_std: std, rescale_factor: 0.00392156862745098 }
  const of = (config: object) =>
    images({ ...photo, ...theirs({ size: { height: 224, width: 224 }, ...config }) })
  const squared = std.map((value) => expect.closeTo(value * value, 12))
  const top = of({ ...base, do_normalize: true, include_top: true })
  expect(top.preprocessing).toEqual({ scale: 1 / 255, mean: [0.1, 0.2, 0.3], std: squared })
  // transformers does so where the file says nothing, which is said.
  const named = { ...base, image_processor_type: 'EfficientNetImageProcessor' }
  expect(of(named)).toMatchObject({ preprocessing: { std }, notes: [expect.stringContaining('include_top')] })
  expect(of({ ...named, include_top: false })).toMatchObject({ preprocessing: { std }, notes: [] })
  const offset = {
    do_normalize: false,
    include_top: false,
    rescale_offset: true,
    rescale_factor: 0.00784313725490196,
  }
  expect(of({ ...base, ...offset }).preprocessing).toEqual({ scale: 2 / 255, mean: 1, std: 1 })
  expect(of({ ...base, ...offset, include_top: true }).preprocessing).toEqual({
    scale: 2 / 255,
    mean: 1,
    std,
  })
  expect(of({ ...base, ...offset, do_normalize: true }).preprocessing.mean).toEqual([1.1, 1.2, 1.3])
  expect(() => of({ include_top: true, size: 224 })).toThrow(
    expect.objectContaining({ code: 'preprocessing-unsupported' }),
  )
})

test('a field that may change pixels and is not known is named', () => {
  const fields = {
    size: { height: 224, width: 224 },
    do_convert_rgb: true,
    do_reduce_labels: false,
    do_thumbnail: false,
    do_align_long_axis: true,
    size_divisor: 32,
    pad_size: null,
    toString: 'what',
    processor_class: 'CLIPProcessor',
  }
  const { notes } = images({ ...photo, ...theirs(fields) })
  expect(notes.map((note) => /"(\w+)":/.exec(note)?.[1])).toEqual([
    'do_align_long_axis',
    'size_divisor',
    'toString',
  ])
  expect(notes[0]).toContain('holdfast.json')
})

test('a single number is what the processor takes it for', () => {
  const cropped = { size: 256, do_center_crop: true, crop_size: 224 }
  const edge = (config: object) => images({ ...photo, ...theirs(config) }).image.resize
  expect(edge(cropped)).toEqual({ how: 'shortest-edge', edge: 256 })
  expect(edge({ ...cropped, feature_extractor_type: 'CLIPFeatureExtractor' })).toMatchObject({ edge: 256 })
  expect(edge({ ...cropped, feature_extractor_type: 'DeiTFeatureExtractor' })).toEqual({
    how: 'stretch',
    height: 256,
    width: 256,
  })
  expect(edge({ ...cropped, default_to_square: true })).toMatchObject({ how: 'stretch' })
  // ConvNeXT's older files say no more than this.
  expect(edge({ size: 224, crop_pct: 0.875, feature_extractor_type: 'ConvNextFeatureExtractor' })).toEqual({
    how: 'shortest-edge',
    edge: 256,
  })
  const levit = { size: { shortest_edge: 224 }, do_center_crop: true, crop_size: { height: 224, width: 224 } }
  expect(edge({ ...levit, image_processor_type: 'LevitImageProcessor' })).toMatchObject({ edge: 256 })
})
