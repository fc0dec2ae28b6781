/** The same value with ~ for the user's own folder in all its texts, as what is found is shown to others. */
export function withoutHome<Value>(home: string | undefined, value: Value): Value {
  if (home === undefined || home === '/' || home === '') return value
  const own = new RegExp(`${home.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w-]|\\.\\w)`, 'g')
  const shown = (_key: string, inner: unknown) =>
    typeof inner === 'string' ? inner.replaceAll(own, '~') : inner
  return JSON.parse(JSON.stringify(value, shown)) as Value
}
