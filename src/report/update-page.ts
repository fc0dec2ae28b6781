import type { Preflight } from '../update/preflight.ts'
import type { UpdateSummary } from '../update/summary.ts'
import { dataTable, duration, html, type Markup, styleSheet, tradeoffFigure } from './figures/index.ts'
import { classesTable } from './update-classes.ts'
import { tradeoffOf, trialsTable } from './update-rungs.ts'
import {
  preflightFacts,
  updateHeadline,
  updateNotes,
  updateSentence,
  updateTable,
  warningsIn,
} from './update-words.ts'

/** What else the page says. */
export interface UpdatePageOptions {
  readonly model: string
  readonly command?: string
  /** When, as text to show. */
  readonly created?: string
}

/** A page of its own: style in it, no scripts, no network. */
export const standalonePage = (title: string, body: Markup): string =>
  html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><title>${title}</title><style>${{ markup: styleSheet }}</style></head>
<body>
${body}
</body>
</html>
`.markup

/** A box with a heading and lines. */
export const notice = (title: string, lines: readonly string[]): Markup | undefined =>
  lines.length === 0
    ? undefined
    : html`<div class="notice" role="note"><strong>${title}</strong>${lines.map((line) => html`<div>${line}</div>`)}</div>`

/**
 * An update's result as one self-contained HTML page: the verdict, old and new accuracy, the path of each trial with the budget and the
 * chosen point, what was tried, what was found before.
 *
 * @example await writeFile('report.html', updatePage(summary, found, { model: 'model.onnx' }))
 */
export function updatePage(summary: UpdateSummary, found: Preflight, options: UpdatePageOptions): string {
  const { model, command, created } = options
  return standalonePage(
    `Update of ${model} · Holdfast report`,
    html`<header><p class="kicker"><b>Holdfast</b> · update of ${model}${created === undefined ? undefined : ` · ${created}`} · ${duration(summary.seconds.total)}</p><h1>${updateHeadline(summary)}</h1><p class="lead">${updateSentence(summary)}</p>${notices(summary, found)}</header>
<main>${updateSections(summary, found)}
${command === undefined ? undefined : html`<section><h2>Do it again</h2><pre>${command}</pre></section>`}</main>
<footer>Everything on this page is in the file itself. ${boundNote}</footer>`,
  )
}

const boundNote =
  'Bounds are one-sided, on rows that had no part in the choice: of a test of paired proportions (Tango 1998), and where classes are weighed, of weighted counts (Fay and Feuer 1997).'

const notices = (summary: UpdateSummary, found: Preflight): Markup =>
  html`${notice('What would help', summary.help)}${notice('Warnings', warningsIn(summary, found))}`

/** An update as a part of a page about more. */
export const updateArticle = (summary: UpdateSummary, found: Preflight, more: Markup): Markup =>
  html`<article><h2>${updateHeadline(summary)}</h2><p class="lead">${updateSentence(summary)}</p>${notices(summary, found)}${more}${updateSections(summary, found)}<p class="about">${boundNote}</p></article>`

/** A part of the page with a heading; nothing where there is nothing to show. */
const part = (title: string, ...shown: readonly (Markup | undefined)[]): Markup | undefined =>
  shown.every((each) => each === undefined) ? undefined : html`<section><h2>${title}</h2>${shown}</section>`

function updateSections(summary: UpdateSummary, found: Preflight): Markup {
  const classes = classesTable(summary)
  const tradeoff = tradeoffOf(summary)
  const notes = updateNotes(summary).map((note) => html`<p class="about">${note}</p>`)
  return html`${part('Before and after', dataTable(updateTable(summary)), html`${notes}`)}
${part('The trade-off', tradeoff && html`<div class="single">${tradeoffFigure(tradeoff)}</div>`)}
${part('New classes', classes && dataTable(classes))}
${part('What was tried', summary.trials.length > 0 ? dataTable(trialsTable(summary)) : undefined)}
<section><h2>What was found</h2><div class="facts">${dataTable({
    caption: 'Before training',
    head: ['', ''],
    rows: [
      ...preflightFacts(found).map(([name, text]) => [name, text]),
      ...found.notes.map((note) => ['note', note]),
    ],
  })}</div></section>`
}
