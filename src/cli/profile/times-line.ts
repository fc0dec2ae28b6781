const MOST_NAMES = 6

/**
 * Where a profile lies, and what took longest: for who does not open it.
 *
 * @param times Of all bars by their names, each without those in it, the longest first.
 * @param whole The name of the bar that all others lie in.
 */
export function timesLine(
  path: string,
  times: readonly (readonly [string, number])[],
  whole: string,
): string {
  const [told, rest] = [times.slice(0, MOST_NAMES), times.slice(MOST_NAMES)]
  const other = rest.reduce((sum, [, milliseconds]) => sum + milliseconds, 0)
  const all = [...told, ...(rest.length > 0 ? [['all others', other] as const] : [])]
  const words = all
    .map(
      ([name, milliseconds]) => `${name === whole ? `the rest of ${whole}` : name} ${seconds(milliseconds)}`,
    )
    .join(', ')
  return `Profile: ${path}, to be opened at https://ui.perfetto.dev. Seconds: ${words}.`
}

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(2)
