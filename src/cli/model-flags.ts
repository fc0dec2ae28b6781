import type { ArgsDef } from 'citty'
import { UsageError } from '../errors.ts'
import { type PlanInput, parsePlan, type RunPlan } from '../train/plan/index.ts'
import { choiceOf, type Given, listOf, numberOf, wholeOf } from './values.ts'
import type { Call } from './verb.ts'

/** Flags that say what of a model file trains, in place of what the configuration says. */
export const modelFlags = {
  model: {
    type: 'string',
    description: 'An ONNX file to train instead of the model named',
    valueHint: 'FILE',
  },
  output: { type: 'string', description: 'The value that holds the logits', valueHint: 'NAME' },
  train: {
    type: 'string',
    description: 'What trains: all (default), head, last:N, biases-norms, or patterns of names',
    valueHint: 'WHAT',
  },
  lora: {
    type: 'string',
    description: 'Train low-rank updates of this rank, and alpha (default twice the rank)',
    valueHint: 'RANK[:ALPHA]',
  },
  'lora-targets': {
    type: 'string',
    description: 'Patterns of the weights that get one (default every linear layer but the head)',
    valueHint: 'A,B',
  },
  adapter: {
    type: 'string',
    description: 'Write the updates to this folder, as PEFT reads them',
    valueHint: 'DIR',
  },
  batchnorm: {
    type: 'string',
    description: 'Statistics of batch normalisation stay fixed (default) or train',
    valueHint: 'fixed|train',
  },
  untie: {
    type: 'string',
    description: 'Tensors merged by the exporter that train apart (default filled)',
    valueHint: 'filled|all|none',
  },
  head: {
    type: 'string',
    description: 'For classes new to the model: widen its head, or replace it',
    valueHint: 'widen|replace',
  },
} as const satisfies ArgsDef

/** The plan with what the flags say of its model. */
export function withModelFlags(plan: RunPlan, call: Pick<Call, 'text'>): RunPlan {
  const said = {
    path: call.text('model'),
    output: call.text('output'),
    train: call.text('train'),
    lora: loraOf(call.text('lora'), call.text('lora-targets')),
    adapter: call.text('adapter'),
    batchnorm: choiceOf('batchnorm', call.text('batchnorm'), ['fixed', 'train']),
    untie: choiceOf('untie', call.text('untie'), ['filled', 'all', 'none']),
    head: choiceOf('head', call.text('head'), ['widen', 'replace']),
  }
  const given = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))
  if (Object.keys(given).length === 0) return plan
  const before = plan.model.kind === 'onnx' ? plan.model : { kind: 'onnx' as const, path: undefined }
  const path = said.path ?? before.path
  if (path === undefined) {
    throw new UsageError(
      'flag-value',
      `--${Object.keys(given)[0]} is about a model from a file, but the configuration has a new ${plan.model.kind}. Name the file with --model.`,
    )
  }
  const model: PlanInput['model'] = { ...before, ...given, path }
  return parsePlan({ ...plan, model }, 'the configuration with these flags')
}

function loraOf(text: Given, targets: Given) {
  const patterns = listOf('lora-targets', targets)
  if (text === undefined) {
    if (patterns)
      throw new UsageError('flag-value', '--lora-targets says what --lora is for; give --lora RANK, too.')
    return undefined
  }
  const [rank, alpha] = text.split(/:(.*)/s)
  return {
    rank: wholeOf('lora', rank, 1) ?? 1,
    ...(alpha === undefined ? {} : { alpha: numberOf('lora', alpha) }),
    ...(patterns ? { targets: patterns } : {}),
  }
}
