/**
 * The settings in which two plans differ, by place.
 *
 * @example changedPlaces({ data: { source: 'mnist' } }, { data: { source: 'synthetic' } }) // ['data.source']
 */
export function changedPlaces(before: unknown, after: unknown, place = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  if (!isRecord(before) || !isRecord(after)) return [place]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) =>
    changedPlaces(before[key], after[key], place === '' ? key : `${place}.${key}`),
  )
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
