import type { AnsweredPrompt } from '../update/gate/index.ts'
import { html, type Markup } from './figures/index.ts'
import { folded, plain } from './markdown.ts'

/** Without white space around it, and with one empty line where a model wrote many: nobody reads those. */
const tidy = (text: string): string => text.trim().replace(/\n\s*\n/g, '\n\n')

const tidied = (prompts: readonly AnsweredPrompt[]): readonly AnsweredPrompt[] =>
  prompts.map(({ prompt, before, after }) => ({ prompt, before: tidy(before), after: tidy(after) }))

/** What two answers to the same prompt begin with alike, and what is behind that in each. */
function parted({ before, after }: AnsweredPrompt): readonly [same: string, before: string, after: string] {
  const [old, renewed] = [[...before], [...after]]
  const differ = old.findIndex((sign, at) => sign !== renewed[at])
  const length = differ < 0 ? old.length : differ
  // From the word on in which they part.
  const same = old.slice(0, length).join('')
  const cut = before === after ? before.length : same.length - (/\S*$/.exec(same)?.[0].length ?? 0)
  return [before.slice(0, cut), before.slice(cut), after.slice(cut)]
}

/** How many answers are no longer what they were. */
const changed = (prompts: readonly AnsweredPrompt[]): string =>
  `${prompts.filter(({ before, after }) => before !== after).length} of ${prompts.length} answered otherwise`

/**
 * The same prompts answered before and after, as a section of a page: what the answers begin with alike is pale.
 *
 * @param names What the two models are called.
 */
export function answersSection(
  answered: readonly AnsweredPrompt[],
  names: readonly [before: string, after: string],
): Markup | undefined {
  if (answered.length === 0) return undefined
  const prompts = tidied(answered)
  const answer = (name: string, same: string, rest: string) =>
    html`<div><p class="who">${name}</p><p class="answer"><span class="alike">${same}</span>${rest}${same + rest === '' ? html`<i>nothing</i>` : undefined}</p></div>`
  return html`<section><h2>The same prompts</h2><p class="about">${changed(prompts)}. Each token is the likeliest one. What both answers begin with is pale; white space around them is not shown.</p>${prompts.map(
    (one) => {
      const [same, before, after] = parted(one)
      return html`<div class="asked"><p class="prompt">${one.prompt}</p>${
        one.before === one.after
          ? html`<div class="answers">${answer('both', '', one.before)}</div>`
          : html`<div class="answers">${answer(names[0], same, before)}${answer(names[1], same, after)}</div>`
      }</div>`
    },
  )}</section>`
}

/** The beginning of a text, on one line. */
export const oneLine = (text: string, length: number): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > length ? `${line.slice(0, length - 1)}…` : line
}

/** The same for the terminal, a line an answer. */
export function answersText(
  answered: readonly AnsweredPrompt[],
  names: readonly [before: string, after: string],
  most = 10,
): string[] {
  if (answered.length === 0) return []
  const prompts = tidied(answered)
  const width = Math.max(...names.map(({ length }) => length))
  const shown = prompts.slice(0, most)
  return [
    '',
    `The same prompts, ${changed(prompts)}:`,
    ...shown.flatMap(({ prompt, before, after }) => [
      `> ${oneLine(prompt, 100)}`,
      ...(before === after
        ? [`  ${'both'.padEnd(width)}  ${oneLine(after, 160)}`]
        : [
            `  ${names[0].padEnd(width)}  ${oneLine(before, 160)}`,
            `  ${names[1].padEnd(width)}  ${oneLine(after, 160)}`,
          ]),
    ]),
    ...(prompts.length > most ? [`… and ${prompts.length - most} more (--json and --html have all)`] : []),
  ]
}

/** The same as Markdown. */
export function answersMarkdown(answered: readonly AnsweredPrompt[]): string[] {
  if (answered.length === 0) return []
  const prompts = tidied(answered)
  const list = prompts.map(({ prompt, before, after }) =>
    before === after
      ? `- **${plain(prompt)}**\n  - both: ${plain(after)}`
      : `- **${plain(prompt)}**\n  - before: ${plain(before)}\n  - after: ${plain(after)}`,
  )
  return [folded(`The same prompts (${changed(prompts)})`, list.join('\n'))]
}
