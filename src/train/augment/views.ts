import { GraphBuilder } from '../../autodiff/builder.ts'
import {
  type AugmentSpec,
  augmentColumns,
  checkAugment,
  drawAugment,
  type ImageForm,
  mixes,
} from '../../data/augment/index.ts'
import { type Dataset, samples } from '../../data/dataset.ts'
import { concatenateRows, takeRows } from '../../data/rows.ts'
import { sourceOf } from '../../data/spilled.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { itemAt, required } from '../../required.ts'
import { randomStream } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { augment, inStoredType } from './fragment.ts'

export interface ViewOptions {
  /** Views of each row. Default 1. */
  readonly views?: number | undefined
  readonly seed: number
}

/** Rows that go through the graph together. */
const BATCH = 128

/**
 * Augmented views of a data set, as a data set: all rows as the first view has them, then all as the second has them, and so
 * on. Their type, dims, labels, classes and normalisation are those of `dataset`; colours of uint8 pixels are rounded. What a
 * view does to a row depends on seed, view and row alone.
 *
 * @throws UsageError `augment-views` for mixup and CutMix, whose rows have two labels, and for a number of views that is none;
 * and what {@link checkAugment} throws.
 * @example
 * const twice = await augmentedViews(engine, dataset, { flip: 0.5, crop: 4 }, { views: 2, seed: 1 })
 */
export async function augmentedViews(
  engine: Engine,
  dataset: Dataset,
  spec: AugmentSpec,
  { views = 1, seed }: ViewOptions,
): Promise<Dataset> {
  const image = checkAugment(spec, dataset)
  checkViews(spec, views)
  const rows = samples(dataset)
  const all = Int32Array.from({ length: rows * views }, (_, at) => at % rows)
  const kept = { ...dataset, labels: takeRows<'int32' | 'float32'>(dataset.labels, all) as Dataset['labels'] }
  if (rows === 0) return kept
  const batch = Math.min(BATCH, all.length)
  const draws = drawAugment({
    ...{ spec, image, parts: [{ size: rows, augmented: true, mixed: false }] },
    batches: Array.from(
      { length: views },
      (_, view) => (purpose) => randomStream(seed, `views/${view}/${purpose}`),
    ),
  })
  const executable = await engine.load(viewGraph(dataset, { spec, image, batch }))
  const found: Tensor[] = []
  const keep = sourceOf(dataset.inputs)?.spill?.keep ?? ((rows: Tensor) => rows)
  try {
    for (let from = 0; from < all.length; from += batch) {
      // The last batch is filled up with the last row.
      const places = Int32Array.from({ length: batch }, (_, at) => Math.min(from + at, all.length - 1))
      const inputs = takeRows(
        dataset.inputs,
        places.map((at) => itemAt(all, at, 'row')),
      )
      const drawn = [...draws].map(([name, { dims, ...tensor }]): [string, Tensor] => [
        name,
        takeRows({ ...tensor, dims: [all.length, ...dims.slice(2)] } as Tensor, places),
      ])
      const outputs = await executable.run(new Map([['inputs', inputs], ...drawn]))
      const views = required(outputs, 'views', 'output')
      const left = all.length - from
      found.push(keep(left < batch ? takeRows(views, range(left)) : views))
    }
  } finally {
    await executable.dispose()
  }
  return { ...kept, inputs: concatenateRows(found) }
}

function checkViews(spec: AugmentSpec, views: number): void {
  const problem = mixes(spec)
    ? 'mixup and cutmix give rows of two labels, which a data set does not hold. Leave them out'
    : Number.isInteger(views) && views >= 1
      ? undefined
      : `their number must be a whole number from 1 on, and ${views} was given`
  if (problem !== undefined) throw new UsageError('augment-views', `Views of a data set: ${problem}.`)
}

const range = (count: number): Int32Array => Int32Array.from({ length: count }, (_, at) => at)

/** Augments one batch of `inputs` as its draws say, and gives it back in its own type. */
function viewGraph(
  { inputs: { type, dims }, preprocessing }: Dataset,
  { spec, image, batch }: { readonly spec: AugmentSpec; readonly image: ImageForm; readonly batch: number },
): Uint8Array {
  const builder = new GraphBuilder()
  const inputs = builder.input('inputs', { type, dims: [batch, ...dims.slice(1)] })
  const draws = new Map(
    augmentColumns(spec).map((column) => [
      column.name,
      builder.input(column.name, { type: column.type, dims: [batch, column.still(0).length] }),
    ]),
  )
  const views = augment(builder, inputs, { spec, image, preprocessing, draws })
  builder.output(inStoredType(builder, views, type), 'views')
  return encodeGraph(builder.finish('views'))
}
