/**
 * Settings of any depth as texts by path: `{ stream: { scenario: 'class' } }` is `stream.scenario: class`. Lists of plain
 * values stay one text; what is undefined is left out.
 *
 * @example
 * const settings = flatSettings({ optimiser: { lr: 0.01 }, seeds: [1, 2] }) // optimiser.lr: '0.01', seeds: '1,2'
 */
export function flatSettings(settings: unknown, path = ''): Record<string, string> {
  if (settings === undefined) return {}
  const isTree = typeof settings === 'object' && settings !== null
  if (!isTree || (Array.isArray(settings) && settings.every((value) => typeof value !== 'object'))) {
    return { [path]: String(settings) }
  }
  return Object.assign(
    {},
    ...Object.entries(settings).map(([key, value]) =>
      flatSettings(value, path === '' ? key : `${path}.${key}`),
    ),
  )
}
