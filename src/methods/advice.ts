import type { Scenario } from '../tasks/stream.ts'
import { holdsWeights } from './entry.ts'
import { methodParts } from './registry.ts'

/**
 * What to know before a method is used in a scenario where the evidence speaks against it; undefined where nothing does.
 * A quadratic penalty alone does not hold classes apart that are never seen together: on Split MNIST with one output it
 * stays at chance for all but the last task (van de Ven, Tuytelaars & Tolias 2022).
 *
 * @param name as on the command line; a composition brings its own cure if one of its parts is no penalty
 * @example
 * const warning = methodWarning('ewc', 'class')
 */
export function methodWarning(name: string, scenario: Scenario): string | undefined {
  // What remembers nothing, sharpness-aware steps or a correction of the head, brings no cure.
  const remembering = methodParts(name).filter(({ past }) => past !== 'nothing')
  const penalties = remembering.length > 0 && remembering.every(holdsWeights)
  if (scenario !== 'class' || !penalties) return undefined
  return (
    `${name} alone does not work when classes are added to one output: expect old classes to be forgotten as with plain fine-tuning. ` +
    'Keep some old data (replay), or compose the two (ewc+replay).'
  )
}
