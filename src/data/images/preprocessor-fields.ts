import { DataError } from '../../errors.ts'

/** Fields of preprocessor_config.json that {@link huggingFaceImages} goes by. */
const known: ReadonlySet<string> = new Set([
  'crop_pct',
  'crop_size',
  'default_to_square',
  'do_center_crop',
  'do_flip_channel_order',
  'do_normalize',
  'do_pad',
  'do_rescale',
  'do_resize',
  'feature_extractor_type',
  'image_mean',
  'image_processor_type',
  'image_std',
  'include_top',
  'offset',
  'resample',
  'rescale_factor',
  'rescale_offset',
  'size',
])

/** Fields that say nothing of pixels: names, labels, boxes, texts, how much is done at once. */
const besidePixels: ReadonlySet<string> = new Set([
  '_name_or_path',
  '_processor_class',
  '_valid_processor_keys',
  'apply_ocr',
  'auto_map',
  'class_info_file',
  'constant_values',
  'data_format',
  'device',
  'disable_grouping',
  // Images are always read in the colours that the model has.
  'do_convert_rgb',
  'do_convert_annotations',
  'do_reduce_labels',
  'format',
  'ignore_index',
  'input_data_format',
  'model_input_names',
  'num_channels',
  'num_labels',
  'num_text',
  'ocr_lang',
  'processor_class',
  'reduce_labels',
  'repo_path',
  'return_tensors',
  'task_seq_length',
  'tesseract_config',
  'transformers_version',
])

/** Values of fields with which they do nothing. */
const idle: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['ensure_multiple_of', 1],
  ['keep_aspect_ratio', false],
  ['max_image_size', null],
])

/** One warning a field that may change pixels and is not known: what it asks for is not done. */
export function unknownFields(config: Readonly<Record<string, unknown>>, place: string): string[] {
  return Object.entries(config).flatMap(([field, value]) => {
    const off = value === null || value === undefined || (value === false && field.startsWith('do_'))
    if (off || known.has(field) || besidePixels.has(field) || idle.get(field) === value) return []
    const text = JSON.stringify(value)
    const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
    return [
      `${place}: "${field}": ${shown} is a field that Holdfast does not know, and what it asks for is not done. If it changes pixels, the model reads others than it was trained on: check the accuracy on data that it knows, or say what it needs in holdfast.json.`,
    ]
  })
}

/** The error for a field whose value cannot be followed. */
export function unsupported(place: string, field: string, found: unknown, expected: string): DataError {
  return new DataError(
    'preprocessing-unsupported',
    `${place}: ${field} is ${JSON.stringify(found)}, which is not supported; expected ${expected}. Write what the model needs into holdfast.json beside it and remove the field.`,
  )
}
