import { z } from 'zod'
import { bounds } from '../../data/bounds.ts'
import { selfWrittenDefaults } from '../../evaluate/generate/index.ts'
import { adapterInputForms } from '../../model/adapters/index.ts'

export const whole = (least: number) => z.int().min(least)

/** A model from a file: its fields are flags of `learn` as well. */
export const onnxModelSchema = z.strictObject({
  kind: z.literal('onnx'),
  path: z.string().min(1),
  output: z.string().optional().describe('the value that holds the logits, where the file does not tell'),
  bind: z
    .record(z.string(), z.union([z.number(), z.boolean(), z.array(z.number()).readonly()]))
    .optional()
    .describe('values for inputs of the model that the data say nothing of, by name'),
  train: z
    .string()
    .min(1)
    .optional()
    .describe(
      'what trains: all (default), head, last:2, biases-norms, or patterns of names: encoder.*,!*.bias',
    ),
  lora: z
    .strictObject({
      rank: bounds.width().default(8).describe('inner dim of the updates'),
      alpha: bounds.aboveZero().optional().describe('updates count alpha / rank; default twice the rank'),
      targets: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .describe('patterns of weights; default every linear layer but the head'),
      head: z
        .boolean()
        .optional()
        .describe('whether the head trains in full beside them; default yes, but no in language models'),
    })
    .optional()
    .describe('train low-rank updates of weights instead of the weights'),
  adapter: z
    .string()
    .min(1)
    .optional()
    .describe('folder that the updates are written to, as PEFT reads them'),
  adapterInputs: z
    .enum(adapterInputForms)
    .optional()
    .describe(
      'write the weights as they were, with inputs for the updates, and the updates to adapter.safetensors beside the model: optional ones are zero unless fed, required ones have to be, for JavaScript',
    ),
  batchnorm: z
    .enum(['fixed', 'train'])
    .optional()
    .describe('fixed (default): the statistics stay; train: those of each batch, and the running ones move'),
  untie: z
    .enum(['filled', 'all', 'none'])
    .optional()
    .describe(
      'which of the tensors that the exporter merged train apart; default those filled with one value',
    ),
  head: z
    .enum(['widen', 'replace'])
    .optional()
    .describe(
      'for classes that the model does not know: widen adds rows to its head, replace starts a new one',
    ),
  trained: z
    .boolean()
    .optional()
    .describe('whether the model has learned something that methods are to hold; default yes'),
  old: z
    .string()
    .min(1)
    .optional()
    .describe(
      'data that the model was trained on, or some of them: for methods that hold it by rows; self: texts that a language model writes itself',
    ),
  written: z
    .strictObject({
      documents: bounds.rows().default(400).describe('texts that it writes'),
      prompts: z
        .array(z.string().min(1))
        .min(1)
        .optional()
        .describe('how they begin, in turn; default the tokenizer’s token that begins texts, or ends them'),
      tokens: bounds.tokens().optional().describe('tokens of a text at most; default those of a row'),
      temperature: bounds
        .aboveZero()
        .default(selfWrittenDefaults.temperature)
        .describe('1 is the model’s own distribution'),
      topK: bounds.tokens().optional().describe('tokens are drawn from the likeliest so many'),
      topP: bounds.topShare().optional().describe('tokens are drawn from the fewest that reach this share'),
    })
    .optional()
    .describe('how a model writes its old texts, with old: self'),
  numbersArePositions: z
    .boolean()
    .optional()
    .describe(
      'where the data or the model have numbers for classes: these are positions in the other’s list',
    ),
})

export const model = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('simple').describe('one linear layer') }),
  z.strictObject({
    kind: z.literal('mlp'),
    hidden: z.array(bounds.width()).default([400, 400]).describe('units of the hidden layers'),
    activation: z.enum(['relu', 'tanh', 'gelu']).default('relu'),
  }),
  z.strictObject({
    kind: z.literal('cnn'),
    channels: z.array(bounds.width()).min(1).default([16, 32, 64]).describe('width of each stage'),
    blocks: bounds.layers().default(1).describe('residual blocks a stage'),
  }),
  z.strictObject({
    kind: z.literal('transformer'),
    layers: bounds.layers().default(2),
    width: bounds.width().default(64),
    heads: bounds.width().default(4),
    feedForward: bounds.width().default(256),
    vocabulary: bounds
      .rows()
      .optional()
      .describe('number of different tokens, where inputs are token numbers; default those of the tokenizer'),
  }),
  onnxModelSchema,
])

/** The words of a transformer that is trained from scratch. */
export const vocabulary = z.strictObject({
  size: bounds.rows(3).default(10_000).describe('words at most, with the two special ones'),
  minimumCount: bounds.rows().default(1).describe('words seen less often are left out'),
  from: z
    .enum(['first', 'all'])
    .optional()
    .describe('whose training texts they are of: those of the first task (default), or of all tasks'),
  texts: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('more texts whose words it knows, labelled or not: those of tasks to come, say'),
})

const weightDecay = bounds.fromZero().default(0).describe('L2 added to the gradient')
export const optimiser = z.discriminatedUnion('name', [
  z.strictObject({
    name: z.literal('sgd'),
    momentum: bounds.momentum().default(0),
    nesterov: z.boolean().default(false),
    weightDecay,
  }),
  z.strictObject({
    name: z.literal('adam'),
    beta1: bounds.momentum().default(0.9),
    beta2: bounds.momentum().default(0.999),
    epsilon: bounds.fromZero().default(1e-8),
    weightDecay,
  }),
  z.strictObject({
    name: z.literal('adamw'),
    beta1: bounds.momentum().default(0.9),
    beta2: bounds.momentum().default(0.999),
    epsilon: bounds.fromZero().default(1e-8),
    weightDecay: bounds.fromZero().default(0.01).describe('decoupled: weights shrink by lr * weightDecay'),
  }),
  z.strictObject({
    name: z.literal('rmsprop'),
    alpha: bounds.momentum().default(0.99),
    epsilon: bounds.fromZero().default(1e-8),
    momentum: bounds.momentum().default(0),
    weightDecay,
  }),
])
