import { visible } from './visible.ts'

/** HTML or SVG that is safe to put on a page. */
export interface Markup {
  readonly markup: string
}

type Piece = string | number | Markup | undefined | readonly Piece[]

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/**
 * Text made safe for element content and quoted attributes; what cannot be seen in it is written out ({@link visible}).
 *
 * @example escapeText('a < b') // 'a &lt; b'
 */
export const escapeText = (text: string): string =>
  visible(text).replace(/[&<>"']/g, (sign) => entities[sign] ?? sign)

const render = (piece: Piece): string => {
  if (piece === undefined) return ''
  if (typeof piece === 'string') return escapeText(piece)
  if (typeof piece === 'number') return String(piece)
  if ('markup' in piece) return piece.markup
  return piece.map(render).join('')
}

/**
 * Template for HTML and SVG: text put in is escaped, `Markup` is not, lists are joined, undefined leaves nothing.
 *
 * @example html`<p>${'a < b'}</p>`.markup // '<p>a &lt; b</p>'
 */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  return { markup: strings.map((string, n) => string + render(pieces[n])).join('') }
}
