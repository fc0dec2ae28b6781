import type { z } from 'zod'
import { UsageError } from '../errors.ts'
import { onnxModelSchema, type PlanInput, parsePlan, type RunPlan } from '../train/plan/index.ts'
import { bindings, flagName, flagOf, group, path, rankAndAlpha } from './flags/index.ts'

const fields = onnxModelSchema.shape
const lora = fields.lora.unwrap().shape

/** Flags that say what of a model file trains, in place of what the configuration says: the fields of its `model`. */
export const modelFlags = group('Model', {
  model: path('FILE')
    .optional()
    .meta({ description: 'An ONNX file to train instead of the model named', option: 'path' }),
  output: flagOf(fields.output).meta({ hint: 'VALUE' }),
  bind: bindings()
    .optional()
    .meta({ description: 'Values for inputs of the model that the data say nothing of, such as sr=16000' }),
  train: flagOf(fields.train).meta({ hint: 'SELECTION' }),
  lora: rankAndAlpha().optional().meta({
    description: 'Train low-rank updates of this rank instead; alpha is twice the rank unless given',
  }),
  loraTargets: flagOf(lora.targets).meta({
    description: 'Patterns of the weights that get one',
    otherwise: 'every linear layer but the head',
    option: 'targets',
  }),
  adapter: flagOf(fields.adapter).meta({ hint: 'DIR' }),
  adapterInputs: flagOf(fields.adapterInputs),
  batchnorm: flagOf(fields.batchnorm).meta({ option: 'batchNorm' }),
  untie: flagOf(fields.untie),
  head: flagOf(fields.head),
  old: flagOf(fields.old).meta({ hint: 'DATA' }),
})

export type ModelSettings = z.output<z.ZodObject<typeof modelFlags>>

/** The plan with what the flags say of its model; other settings beside them are passed over. */
export function withModelFlags(plan: RunPlan, asked: ModelSettings): RunPlan {
  const { model: file, lora, loraTargets: targets } = asked
  if (targets && !lora) {
    throw new UsageError('flag-value', '--lora-targets says what --lora is for; give --lora RANK, too.')
  }
  const others = Object.entries(asked).filter(
    ([name]) => name in modelFlags && name !== 'model' && name !== 'loraTargets',
  )
  const said = { path: file, ...Object.fromEntries(others), lora: lora && { ...lora, targets } }
  const given = Object.entries(said).filter(([, value]) => value !== undefined)
  const [first] = given
  if (!first) return plan
  const before = plan.model.kind === 'onnx' ? plan.model : { kind: 'onnx' as const, path: undefined }
  const found = file ?? before.path
  if (found === undefined) {
    throw new UsageError(
      'flag-value',
      `--${flagName(first[0])} is about a model from a file, but the configuration has a new ${plan.model.kind}. Name the file with --model.`,
    )
  }
  const model: PlanInput['model'] = { ...before, ...Object.fromEntries(given), path: found }
  return parsePlan({ ...plan, model }, 'the configuration with these flags')
}
