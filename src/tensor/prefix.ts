/** The entries whose keys begin with `prefix`, under what follows it: of 'parameter/w' and 'parameter/' it makes 'w'. */
export const withoutPrefix = <T>(entries: ReadonlyMap<string, T>, prefix: string): Map<string, T> =>
  new Map(
    [...entries].flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value] as const] : [],
    ),
  )
