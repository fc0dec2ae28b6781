import { count } from '../../count.ts'
import { DataError } from '../../errors.ts'
import { preview } from './class-name.ts'
import { splitIndexes } from './indexes.ts'

/** Numbers of the data as positions among a model's names. */
export function positionsOfNumbers(
  own: readonly string[],
  known: readonly string[],
  place: string,
): number[] {
  return own.map((name) => {
    const at = Number(name)
    if (at < known.length) return at
    const from1 = at === known.length && !own.some((other) => Number(other) === 0)
    throw new DataError(
      'label-no-position',
      `${place}: label ${name} is no position among the model's classes, ${known.length} in all (${preview(known)}), which are counted from 0 to ${known.length - 1}.${from1 ? ' There is no label 0: do they count from 1?' : ''} Correct the labels, or write the classes' names.`,
    )
  })
}

/** What to do where a model's outputs are called by numbers, and the data's classes by words. */
export const namesWanted = (own: readonly string[], numbers: readonly string[]): string =>
  `Put a labels.txt beside the model, one class a line in the order of its outputs. Where these numbers are its classes' names, it says the numbers (${preview(numbers)}): ${preview(own)} ${own.length === 1 ? 'is then a class that is' : 'are then classes that are'} new to it.`

/** By the index that the names have in front, else by their order, which says nothing unless all are there. */
export function positionsOfNames(own: readonly string[], known: readonly string[], place: string): number[] {
  const indexes = splitIndexes(own)?.indexes
  if (indexes?.every((index) => index < known.length)) return [...indexes]
  if (own.length === known.length) return own.map((_, at) => at)
  throw new DataError(
    'classes-numbered',
    `${place}: the data have ${count(own.length, 'class')} (${preview(own)}) and the model has ${count(known.length, 'output')} that are called by numbers, so that their order does not say which is which. ${namesWanted(own, known)}`,
  )
}
