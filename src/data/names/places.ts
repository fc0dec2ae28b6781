/**
 * Where each name stands in a list, the first time; -1 where it is not there. A vocabulary has a hundred thousand names, so the list is
 * gone through once and not for each.
 *
 * @example placesOf(['ebony', 'ash'], ['ash', 'birch']) // [-1, 0]
 */
export function placesOf(names: readonly string[], list: readonly string[]): number[] {
  const places = new Map<string, number>()
  for (const [place, name] of list.entries()) if (!places.has(name)) places.set(name, place)
  return names.map((name) => places.get(name) ?? -1)
}
