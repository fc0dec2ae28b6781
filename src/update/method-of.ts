import { UsageError } from '../errors.ts'
import { holdsWeights, methodParts } from '../methods/registry.ts'
import { addsClasses } from './classes.ts'
import { rowsIn } from './parts.ts'
import { chooseMethod } from './recipes/index.ts'
import type { UpdateOptions } from './update-types.ts'

/** The method that trains, by its name, checked against the data. */
export function methodOf(options: UpdateOptions): string {
  const { method: asked, data, lora } = options
  const { name } = chooseMethod(asked, {
    exemplars: rowsIn(data.exemplars) > 0,
    unlabelled: data.unlabelled !== undefined,
    added: addsClasses(options),
  })
  const penalty = methodParts(name).find(holdsWeights)
  if (!penalty || !lora) return name
  throw new UsageError(
    'method-lora',
    `The method ${penalty.name} holds weights in place, but LoRA leaves them as they are and trains others. Take one of the two: LoRA with replay, or ${penalty.name} on the model's own weights.`,
  )
}
