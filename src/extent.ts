/** The largest of any number of values, -Infinity of none: arguments of `Math.max` end at about a hundred thousand. */
export function largest(values: Iterable<number>): number {
  let most = Number.NEGATIVE_INFINITY
  for (const value of values) if (value > most || Number.isNaN(value)) most = value
  return most
}

/** The smallest of any number of values, Infinity of none. */
export function smallest(values: Iterable<number>): number {
  let least = Number.POSITIVE_INFINITY
  for (const value of values) if (value < least || Number.isNaN(value)) least = value
  return least
}
