/**
 * A class name without what is often written in two ways: Unicode form and width, capitals, spaces, hyphens, underscores and invisible signs,
 * zeros in front of a number and after its point. Names that are equal so are perhaps the same; they are never taken for it.
 *
 * @example spellingKey('001') === spellingKey('1.0') // true
 */
export function spellingKey(name: string): string {
  const folded = name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{White_Space}\p{Dash_Punctuation}\p{Format}_]+/gu, '')
  return /^\d+(\.\d*)?$/.test(folded)
    ? folded.replace(/^0+(?=\d)/, '').replace(/\.0*$|(\.\d*?)0+$/, '$1')
    : folded
}
