/** What each split may be called in a file's or folder's name. */
const spellings: Readonly<Record<string, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'val', 'dev'],
  test: ['test', 'testing'],
}

/** The name that a split goes by here: `val` is `validation`. */
export function splitName(name: string): string {
  const lower = name.toLowerCase()
  return Object.keys(spellings).find((split) => spellings[split]?.includes(lower)) ?? name
}

export function splitOfFile(stem: string, wanted: string | undefined): string | undefined {
  const name = stem.replace(/-\d+-of-\d+$/, '')
  if (wanted !== undefined && name === wanted) return splitName(wanted)
  const split = splitName(name)
  return Object.hasOwn(spellings, split) ? split : undefined
}
