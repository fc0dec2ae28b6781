import { count } from '../../count.ts'
import { HoldfastError } from '../../errors.ts'
import { answersTokens } from '../../evaluate/generate/index.ts'
import { packedPlaces } from '../../model/adapters/index.ts'
import { type Head, requireHead } from '../../model/heads/index.ts'
import { unfedInputs } from '../../model/inputs.ts'
import type { Model } from '../../model/model.ts'

/**
 * What the verbs that read data cannot do with a model that can be trained.
 *
 * @param logits Dims of what it answers; undefined where that is not known.
 */
export function limitsOf(model: Model, head: Head | null, logits: readonly number[] | undefined): string[] {
  const [unfed] = unfedInputs(model)
  // Of these the verbs read texts.
  const texts = answersTokens(model)
  const wide = logits !== undefined && logits.length !== 2
  return [
    ...(unfed
      ? [
          `It reads "${unfed.name}" beside "${model.input.name}", and data hold nothing for that: of the verbs only grad, whose batch names each input, can train it. Give it a value (--bind ${unfed.name}=VALUE), or export the model with that input fixed.`,
        ]
      : []),
    ...(wide && !texts
      ? [
          `It answers with [${logits}] for a batch, and update, keep, gate and curve want one class a row: [batch, classes]. Name another value (--output), or train it by learn where its labels are for tokens.`,
        ]
      : []),
    ...(model.classes.length === 0 && !wide
      ? ['The file does not say which classes its outputs are. Put a labels.txt beside it, one class a line.']
      : []),
    ...(head && !texts ? headLimits(model) : []),
    ...packedLimits(model),
  ]
}

function packedLimits(model: Model): string[] {
  const places = [...packedPlaces(model).values()]
  const [first] = places
  if (!first) return []
  const ops = [...new Set(places.flatMap(({ nodes }) => nodes.map(({ op }) => op)))].join(', ')
  return [
    `${count(places.length, 'linear layer')} with weights of few bits (${ops}) ${places.length === 1 ? 'stays as it is' : 'stay as they are'}: updates of low rank train beside, with update, or learn --lora RANK.`,
  ]
}

function headLimits(model: Model): string[] {
  if (model.binary) {
    return [
      `It gives one number for two classes, and a third has no place in it: to add classes export it with one output a class.`,
    ]
  }
  try {
    requireHead(model)
    return []
  } catch (problem) {
    if (problem instanceof HoldfastError) return [problem.message]
    throw problem
  }
}
