import type { GraphBuilder } from '../autodiff/builder.ts'
import type { Preprocessing } from '../data/dataset.ts'
import { ModelError } from '../errors.ts'
import type { ValueInfo } from '../onnx/graph.ts'
import { cast, div, expand, filled, mul, scalar, sub, type Value } from '../ops/core/index.ts'
import { float32, int64 } from '../tensor/tensor.ts'
import type { Model } from './model.ts'

/** Rows as a data set stores them, and how they become what the model reads. */
export interface StoredRows {
  /** [batch, ...] */
  readonly stored: Value
  readonly preprocessing: Preprocessing
}

/** What an input beside the tokens says of them: which count, of which segment they are, where they stand. */
export type TokenInput = 'mask' | 'types' | 'positions'

type Derive = (builder: GraphBuilder, rows: StoredRows) => Value

/** Inputs that follow from the token ids, by how exporters name them. Ids are [batch, positions]. */
const derivations: readonly { readonly name: RegExp; readonly is: TokenInput; readonly derive: Derive }[] = [
  {
    is: 'mask',
    // 1 where a token stands, 0 where the row is filled up.
    name: /(^|[._/])(attention_mask|input_mask|mask)$/,
    derive: (builder, { stored, preprocessing: { pad } }) => {
      if (pad === undefined) return filled(builder, 1, int64Like(stored))
      const filler = builder.op('Equal', [cast(builder, stored, 'int64'), builder.constant(int64([], [pad]))])
      return cast(builder, builder.op('Not', [filler]), 'int64')
    },
  },
  {
    is: 'types',
    name: /(^|[._/])(token_type_ids|segment_ids)$/,
    derive: (builder, { stored }) => filled(builder, 0, int64Like(stored)),
  },
  {
    is: 'positions',
    name: /(^|[._/])position_ids$/,
    derive: (builder, { stored }) => {
      const [, positions = 1] = stored.dims
      const row = int64(
        [1, positions],
        Array.from({ length: positions }, (_, at) => at),
      )
      return expand(builder, builder.constant(row), stored.dims)
    },
  },
]

const int64Like = (value: Value): Value => ({ name: value.name, dims: value.dims, type: 'int64' })

const derivationOf = (name: string): Derive | undefined =>
  derivations.find((derivation) => derivation.name.test(name))?.derive

/** What an input of that name says of the tokens; undefined for any other. */
export const tokenInput = (name: string): TokenInput | undefined =>
  derivations.find((derivation) => derivation.name.test(name))?.is

/** The input that the rows of a data set go into: the one that does not follow from another. */
export function mainInput(inputs: readonly ValueInfo[]): ValueInfo | undefined {
  return inputs.find(({ name }) => derivationOf(name) === undefined) ?? inputs[0]
}

/** The graph's inputs with the dims that they have with data: what follows from the tokens has theirs. */
export function fedInputs({ graph, input }: Pick<Model, 'graph' | 'input'>): readonly ValueInfo[] {
  return graph.inputs.map((info) => {
    const follows = info.name !== input.name && derivationOf(info.name) !== undefined
    return follows && info.dims?.length === input.dims?.length ? { ...info, dims: input.dims } : info
  })
}

/** Inputs that rows of a data set say nothing of; a model that has some can be trained on whole batches by name only. */
export function unfedInputs(model: Pick<Model, 'graph' | 'input'>): readonly ValueInfo[] {
  return model.graph.inputs.filter(
    ({ name }) => name !== model.input.name && derivationOf(name) === undefined,
  )
}

/**
 * What the graph's inputs are bound to for rows of a data set: the preprocessed rows, and beside token ids the mask,
 * token types and positions that follow from them.
 *
 * @throws ModelError `model-inputs` when the model reads something else, too.
 */
export function bindInputs(builder: GraphBuilder, model: Model, rows: StoredRows): Map<string, Value> {
  const [unfed] = unfedInputs(model)
  if (unfed) {
    throw new ModelError(
      'model-inputs',
      `The model reads "${unfed.name}" beside "${model.input.name}", and the data hold nothing for it. Give that input a value (--bind), or export the model with it fixed; inputs called attention_mask, token_type_ids and position_ids are made from the token ids.`,
    )
  }
  const main = model.input.type.startsWith('float')
    ? cast(builder, preprocess(builder, rows), model.input.type)
    : cast(builder, rows.stored, model.input.type)
  const others = model.graph.inputs.flatMap(({ name, type }): [string, Value][] => {
    const derive = name === model.input.name ? undefined : derivationOf(name)
    return derive ? [[name, cast(builder, derive(builder, rows), type)]] : []
  })
  return new Map([[model.input.name, main], ...others])
}

/** (stored * scale - mean) / std, in as few passes as the constants allow. */
function preprocess(
  builder: GraphBuilder,
  { stored, preprocessing: { scale, mean, std, channelAxis = 1 } }: StoredRows,
): Value {
  const x = cast(builder, stored, 'float32')
  const perChannel = (values: readonly number[]) =>
    builder.constant(
      float32(
        [values.length, ...new Array<number>(Math.max(x.dims.length - 1 - channelAxis, 0)).fill(1)],
        values,
      ),
    )
  const constant = (values: number | readonly number[]) =>
    typeof values === 'number' ? scalar(builder, values, x) : perChannel(values)
  const scaled = scale === 1 ? x : mul(builder, x, scalar(builder, scale, x))
  const centred = mean === 0 ? scaled : sub(builder, scaled, constant(mean))
  return std === 1 ? centred : div(builder, centred, constant(std))
}
