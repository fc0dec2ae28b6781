import { DataError } from '../../errors.ts'
import { className } from './class-name.ts'

/** Two places of a list that name one class. */
export interface Repeated {
  /** As messages write it. */
  readonly name: string
  readonly first: number
  readonly second: number
}

/**
 * Refuses a list of classes that holds a name twice, compared as {@link className} writes it. Classes are matched by name, so every list
 * is asked this where it is read, as only there it is known which file says so, and where.
 *
 * @param said Begins the message: `labels.txt, lines 1 and 3 both say "cat"`.
 * @throws DataError `classes-repeated`.
 */
export function refuseRepeated(
  names: readonly string[],
  said: (twice: Repeated) => string,
  wayOut = 'rename one of the two',
): void {
  const places = new Map<string, number>()
  for (const [second, text] of names.entries()) {
    const name = className(text)
    const first = places.get(name)
    if (first !== undefined) {
      const words = said({ name: JSON.stringify(name), first, second })
      throw new DataError(
        'classes-repeated',
        `${words}. Classes are matched by name, so each needs one of its own: ${wayOut}.`,
      )
    }
    places.set(name, second)
  }
}
