import type { AnsweredPrompt } from '../update/gate/index.ts'
import type { TextPreflight, TextUpdateSummary } from '../update/texts/index.ts'
import { answersMarkdown, answersSection, answersText } from './answers.ts'
import {
  dataTable,
  duration,
  html,
  type Markup,
  type TableData,
  tradeoffFigure,
  visible,
} from './figures/index.ts'
import { worstTable } from './gate-text-tables.ts'
import { folded, markdownTable, plain } from './markdown.ts'
import { textTable } from './text-table.ts'
import { languageTradeoff } from './update-language-tradeoff.ts'
import {
  languageCandidates,
  languageFacts,
  languageHeadline,
  languageNotes,
  languageSentence,
  languageTable,
  languageTrials,
  languageVerdict,
} from './update-language-words.ts'
import { notice, standalonePage, type UpdatePageOptions } from './update-page.ts'
import { captioned, preflightLines } from './update-text.ts'

/** What both models are called where their answers stand side by side. */
const sides = ['before', 'after'] as const

/** Documents that got worse, as many as the terminal shows. */
const SHOWN = 5

/** What was found before a language model is trained, for the terminal. */
export const languagePreflightText = (found: TextPreflight): string[] =>
  preflightLines(languageFacts(found), found)

/**
 * The result of a language model's update for the terminal: the verdict, a table, what was tried, and what would help.
 *
 * @param written What became of the model, in a sentence.
 * @param prompts Prompts answered before and after; default none.
 */
export const languageUpdateText = (
  summary: TextUpdateSummary,
  written: string,
  prompts: readonly AnsweredPrompt[] = [],
): string =>
  visible(
    [
      `${languageVerdict(summary)}. ${languageSentence(summary)}`,
      written,
      ...summary.warnings.map((warning) => `warning: ${warning}`),
      '',
      ...textTable(languageTable(summary)),
      '',
      ...languageNotes(summary),
      ...captioned(languageTrials(summary)),
      ...captioned(worstOf(summary, SHOWN)),
      ...answersText(prompts, sides),
      ...(summary.help.length > 0
        ? ['', 'What would help:', ...summary.help.map((line) => `- ${line}`)]
        : []),
      '',
      `${duration(summary.seconds.total)}, of which training ${duration(summary.seconds.train)}.`,
    ].join('\n'),
  )

/** Old documents that add most bits; undefined where none does. */
function worstOf({ old }: TextUpdateSummary, most: number): TableData | undefined {
  const worst = old?.worst.slice(0, most) ?? []
  return worst.length > 0 ? worstTable({ worst }) : undefined
}

const signs = { met: '✅', 'not-met': '❌', inconclusive: '❔', 'nothing-to-gain': '⚪' } as const

const uncapitalised = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)

/** The same as Markdown, for a pull request. */
export function languageUpdateMarkdown(
  summary: TextUpdateSummary,
  found: TextPreflight,
  prompts: readonly AnsweredPrompt[] = [],
): string {
  const candidates = languageCandidates(summary)
  const worst = worstOf(summary, 20)
  return `${[
    `## ${signs[summary.status]} Update: ${uncapitalised(languageHeadline(summary))}`,
    plain(languageSentence(summary)),
    markdownTable(languageTable(summary)),
    ...languageNotes(summary).map(plain),
    ...(summary.help.length > 0
      ? [`What would help:\n\n${summary.help.map((line) => `- ${plain(line)}`).join('\n')}`]
      : []),
    ...warningsIn(summary, found).map((warning) => `> **Warning.** ${plain(warning)}`),
    ...(summary.trials.length > 0 ? [folded('What was tried', markdownTable(languageTrials(summary)))] : []),
    ...(candidates ? [folded(candidates.caption, markdownTable(candidates))] : []),
    ...(worst ? [folded(worst.caption, markdownTable(worst))] : []),
    ...answersMarkdown(prompts),
    folded(
      'What was found',
      [
        ...languageFacts(found).map(([name, text]) => `- ${name}: ${plain(text)}`),
        ...found.notes.map((note) => `- ${plain(note)}`),
      ].join('\n'),
    ),
  ].join('\n\n')}\n`
}

/** All that is doubtful, what was found before and what the result says, each once. */
const warningsIn = (summary: TextUpdateSummary, found: TextPreflight): readonly string[] => [
  ...new Set([...found.warnings, ...summary.warnings]),
]

/** A part of the page with a heading; nothing where there is nothing to show. */
const part = (title: string, table: TableData | undefined, more?: Markup): Markup | undefined =>
  table && table.rows.length > 0
    ? html`<section><h2>${title}</h2>${dataTable(table)}${more}</section>`
    : undefined

/**
 * The same as one self-contained HTML page.
 *
 * @param options What else the page says; `prompts` are prompts answered before and after.
 */
export function languageUpdatePage(
  summary: TextUpdateSummary,
  found: TextPreflight,
  {
    model,
    command,
    created,
    prompts = [],
  }: UpdatePageOptions & { readonly prompts?: readonly AnsweredPrompt[] | undefined },
): string {
  const tradeoff = languageTradeoff(summary)
  const notes = languageNotes(summary).map((note) => html`<p class="about">${note}</p>`)
  return standalonePage(
    `Update of ${model} · Holdfast report`,
    html`<header><p class="kicker"><b>Holdfast</b> · update of ${model}${created === undefined ? undefined : ` · ${created}`} · ${duration(summary.seconds.total)}</p><h1>${languageHeadline(summary)}</h1><p class="lead">${languageSentence(summary)}</p>${notice('What would help', summary.help)}${notice('Warnings', warningsIn(summary, found))}</header>
<main>${part('Before and after', languageTable(summary), html`${notes}`)}
${tradeoff && html`<section><h2>The trade-off</h2><div class="single">${tradeoffFigure(tradeoff)}</div></section>`}
${answersSection(prompts, sides)}
${part('What was tried', languageTrials(summary))}
${part('What was tested', languageCandidates(summary))}
${part('Old documents that got worse', worstOf(summary, 20))}
<section><h2>What was found</h2><div class="facts">${dataTable({
      caption: 'Before training',
      head: ['', ''],
      rows: [
        ...languageFacts(found).map(([name, text]) => [name, text]),
        ...found.notes.map((note) => ['note', note]),
      ],
    })}</div></section>
${command === undefined ? undefined : html`<section><h2>Do it again</h2><pre>${command}</pre></section>`}</main>
<footer>Everything on this page is in the file itself. Bounds are one-sided, on documents that had no part in the choice: the wider one of Student's and of the bootstrap's, for a ratio of sums over documents.</footer>`,
  )
}
