import { html, type Markup } from './markup.ts'

/** A table as rows of text; the first column names the row. */
export interface TableData {
  readonly caption: string
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** An HTML table that scrolls inside its own box where it is wider than the page. */
export function dataTable({ caption, head, rows }: TableData): Markup {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="${caption}"><table><caption>${caption}</caption><thead><tr>${head.map(
    (cell) => html`<th scope="col">${cell}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) =>
      html`<tr>${row.map((cell, n) => (n === 0 ? html`<th scope="row">${cell}</th>` : html`<td>${cell}</td>`))}</tr>`,
  )}</tbody></table></div>`
}

/** A plot with its title above, what to make of it below, and the numbers behind it in a table that opens. */
export function figure(parts: {
  readonly title: string
  readonly caption?: string
  readonly plot: Markup
  readonly table: TableData
  readonly wide?: boolean
}): Markup {
  const { title, caption, plot, table, wide = false } = parts
  return html`<figure${wide ? html` class="wide"` : undefined}><figcaption><strong>${title}</strong>${
    caption === undefined ? undefined : html`<span>${caption}</span>`
  }</figcaption>${plot}<details><summary>Numbers<span class="hidden"> behind ${title}</span></summary>${dataTable(table)}</details></figure>
`
}
