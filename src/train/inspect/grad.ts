import { GraphBuilder } from '../../autodiff/builder.ts'
import { gradients } from '../../autodiff/gradients.ts'
import { specialise } from '../../autodiff/specialise.ts'
import { oneOf } from '../../count.ts'
import type { Engine } from '../../engine/engine.ts'
import { type Loadable, loadable } from '../../engine/loadable.ts'
import { DataError, TrainingError, UsageError } from '../../errors.ts'
import {
  binaryCrossEntropy,
  causalCrossEntropy,
  IGNORED_LABEL,
  meanSquaredError,
  positionCrossEntropy,
} from '../../model/losses/index.ts'
import type { Model } from '../../model/model.ts'
import type { ValueInfo } from '../../onnx/graph.ts'
import { cast, filled, type Value } from '../../ops/core/index.ts'
import { itemAt } from '../../required.ts'
import { type Tensor, toNumbers } from '../../tensor/tensor.ts'

/** The losses that a batch can be differentiated by. */
export const gradLosses = ['cross-entropy', 'mse', 'binary-cross-entropy', 'causal-lm'] as const
export type GradLoss = (typeof gradLosses)[number]

export interface GradOptions {
  readonly engine: Engine
  /** Its parameters are what the gradient is taken for. */
  readonly model: Model
  /** Every input of the graph by name, and `labels`. */
  readonly batch: ReadonlyMap<string, Tensor>
  readonly loss: GradLoss
}

export interface GradResult {
  readonly loss: number
  /** float32, of each parameter's name and dims; zeros where the loss does not depend on it. */
  readonly gradients: ReadonlyMap<string, Tensor>
}

const LABELS = 'labels'

/**
 * The loss of one batch and its gradient by every parameter, in inference mode (fixed statistics, no dropout). With it
 * anyone can check Holdfast against another program.
 *
 * - `cross-entropy`: labels int [N], or [N, T] for a label a position (-100 does not count); mean over what counts.
 * - `causal-lm`: labels int [N, T], the token ids; the logits at each position are held against the next label.
 * - `mse`, `binary-cross-entropy`: float labels of the logits' dims; mean over all elements.
 *
 * @throws UsageError `batch-input-missing`, `batch-input-unknown`, `batch-input-dims`, `batch-labels`.
 * @throws DataError `label-out-of-range`, naming the place.
 * @throws TrainingError `parameter-not-finite`, `loss-not-finite`.
 * @example
 * const { loss, gradients } = await lossAndGradients({ engine, model, batch, loss: 'cross-entropy' })
 */
export async function lossAndGradients(options: GradOptions): Promise<GradResult> {
  const { engine, model, batch } = options
  checkBatch(model, batch)
  checkParameters(model)
  const built = buildGrad(options)
  const executable = await engine.load(built)
  try {
    const feeds = new Map([...batch, ...model.parameters, ...model.buffers])
    const outputs = await executable.run(new Map([...feeds].filter(([name]) => built.inputs.has(name))))
    const [loss = Number.NaN] = toNumbers(
      outputs.get('loss') ?? { type: 'float32', dims: [0], data: new Float32Array() },
    )
    if (!Number.isFinite(loss)) {
      throw new TrainingError(
        'loss-not-finite',
        `The loss of the batch is ${loss}: its inputs or labels are too large for the model, or not numbers.`,
      )
    }
    const found = [...model.parameters.keys()].flatMap((name): [string, Tensor][] => {
      const gradient = outputs.get(`gradient/${name}`)
      return gradient ? [[name, gradient]] : []
    })
    return { loss, gradients: new Map(found) }
  } finally {
    await executable.dispose()
  }
}

function buildGrad({ model, batch, loss }: GradOptions): Loadable & { inputs: ReadonlySet<string> } {
  const builder = new GraphBuilder()
  const bound = new Map<string, Value>()
  for (const info of model.graph.inputs) {
    const tensor = batch.get(info.name)
    if (tensor) bound.set(info.name, cast(builder, builder.input(info.name, tensor), info.type))
  }
  const parameters = new Map(
    Array.from(model.parameters, ([name, tensor]) => [name, builder.input(name, tensor)]),
  )
  const buffers = new Map(Array.from(model.buffers, ([name, tensor]) => [name, builder.input(name, tensor)]))
  const { outputs } = specialise(
    builder,
    model.graph,
    model.opsets,
    new Map([...bound, ...parameters, ...buffers]),
    { outputs: [model.output] },
  )
  const logits = outputs.get(model.output)
  const labels = batch.get(LABELS)
  if (!logits || !labels) throw missingInput(LABELS, batch)
  checkLabels(labels, logits, loss)
  const value = lossOf(builder, loss, logits, builder.input(LABELS, labels))
  builder.output(value, 'loss')
  const wanted = [...parameters.values()]
  gradients(builder, value, wanted).forEach((gradient, at) => {
    const of = wanted[at]
    const name = [...parameters.keys()][at]
    if (of) builder.output(gradient ?? filled(builder, 0, of), `gradient/${name}`)
  })
  const graph = builder.finish('grad')
  return { ...loadable(graph), inputs: new Set(graph.inputs.map(({ name }) => name)) }
}

function lossOf(builder: GraphBuilder, loss: GradLoss, logits: Value, labels: Value): Value {
  switch (loss) {
    case 'cross-entropy':
      return positionCrossEntropy(builder, logits, labels)
    case 'causal-lm':
      return causalCrossEntropy(builder, logits, labels)
    case 'mse':
      return meanSquaredError(builder, logits, cast(builder, labels, logits.type))
    case 'binary-cross-entropy':
      return binaryCrossEntropy(builder, logits, cast(builder, labels, logits.type))
  }
}

const listed = (names: Iterable<string>): string => [...names].map((name) => `"${name}"`).join(', ') || 'none'

const missingInput = (name: string, batch: ReadonlyMap<string, Tensor>): UsageError =>
  new UsageError(
    'batch-input-missing',
    `The batch holds no "${name}"; it holds ${listed(batch.keys())}. Every input of the graph is needed by its name, and "${LABELS}".`,
  )

function checkBatch(model: Model, batch: ReadonlyMap<string, Tensor>): void {
  const inputs = new Map(model.graph.inputs.map((info) => [info.name, info]))
  for (const name of [...inputs.keys(), LABELS]) if (!batch.has(name)) throw missingInput(name, batch)
  for (const [name, tensor] of batch) {
    const info = inputs.get(name)
    if (info) checkInput(info, tensor)
    else if (name !== LABELS) {
      throw new UsageError(
        'batch-input-unknown',
        `The batch holds "${name}", but the model reads ${listed(inputs.keys())} only.`,
      )
    }
  }
}

function checkInput({ name, dims, type }: ValueInfo, tensor: Tensor): void {
  const fits =
    dims === undefined ||
    (dims.length === tensor.dims.length &&
      // A batch that the file fixes is run as often as the rows take.
      dims.every((dim, axis) => axis === 0 || typeof dim === 'string' || dim === tensor.dims[axis]))
  if (!fits || tensor.dims.includes(0) || (type === 'string') !== (tensor.type === 'string')) {
    throw new UsageError(
      'batch-input-dims',
      `Input "${name}" of the model is ${type}[${dims ?? 'any'}], but the batch holds ${tensor.type}[${tensor.dims}]${tensor.dims.includes(0) ? ', which has no elements' : ''}. Only the first, and dims that are names, may have any size.`,
    )
  }
}

/** @throws TrainingError `parameter-not-finite` */
function checkParameters({ parameters }: Model): void {
  for (const [name, { data }] of parameters) {
    const at = (data as Float32Array).findIndex((value) => !Number.isFinite(value))
    if (at < 0) continue
    throw new TrainingError(
      'parameter-not-finite',
      `Parameter "${name}" of the model holds ${data[at]} at element ${at}. Such a model cannot be trained; take the last good one.`,
    )
  }
}

function checkLabels(labels: Tensor, logits: Value, loss: GradLoss): void {
  const perClass = loss === 'cross-entropy' || loss === 'causal-lm'
  const expected = perClass ? logits.dims.slice(0, -1) : logits.dims
  const whole = labels.type === 'int32' || labels.type === 'int64'
  if (whole !== perClass || expected.join() !== labels.dims.join()) {
    throw new UsageError(
      'batch-labels',
      `The loss "${loss}" on logits [${logits.dims}] needs labels ${perClass ? 'int64' : 'float32'}[${expected}], but the batch holds ${labels.type}[${labels.dims}].`,
    )
  }
  if (!perClass) return
  const classes = itemAt(logits.dims, logits.dims.length - 1, 'axis')
  const at = toNumbers(labels).findIndex(
    (label) => label !== IGNORED_LABEL && !(label >= 0 && label < classes),
  )
  if (at >= 0) {
    throw new DataError(
      'label-out-of-range',
      `Label ${labels.data[at]} at place ${at} is not ${oneOf(classes, 'class')} of the model (0 to ${classes - 1}; ${IGNORED_LABEL} does not count).`,
    )
  }
}
