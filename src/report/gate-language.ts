import type { LanguageGateResult } from '../update/gate/index.ts'
import { answersMarkdown, answersSection, answersText } from './answers.ts'
import { dataTable, html, visible } from './figures/index.ts'
import { junitXml } from './gate-junit.ts'
import { lostTable, probeFiguresLine, probesTable } from './gate-probe-tables.ts'
import { decidingReason, verdictSigns, verdictWord } from './gate-table.ts'
import { scoreTable, textFiguresLine, worstTable } from './gate-text-tables.ts'
import { code, folded, markdownTable, plain } from './markdown.ts'
import { beforeAndAfter, type SideWords } from './sides.ts'
import { textTable } from './text-table.ts'
import { notice, standalonePage } from './update-page.ts'

/**
 * What a gate found of language models, for the terminal.
 *
 * @param options `most`: how many documents and probes are shown, default 10; `sides`: what the two models are called, default before and after
 * @example console.log(gateLanguageText(gateLanguage({ texts: gateTexts(baseline, candidate, { unit: 'relative', budget: 0.02 }) })))
 */
export function gateLanguageText(
  result: LanguageGateResult,
  options: { readonly most?: number; readonly sides?: SideWords } = {},
): string {
  const { most = 10, sides = beforeAndAfter } = options
  const { texts, probes } = result
  const reason = decidingReason(result)
  const lines = [
    `${verdictWord[result.verdict]}. ${reason}`,
    ...result.rules.map((rule) => rule.reason).filter((other) => other !== reason),
    ...result.warnings.map((warning) => `Warning: ${warning}`),
    '',
    `${result.baseline} against ${result.candidate}`,
    ...(texts ? [...textTable(scoreTable(texts, sides)), textFiguresLine(texts, sides)] : []),
    ...(texts && probes ? [''] : []),
    ...(probes ? [...textTable(probesTable(probes)), probeFiguresLine(probes)] : []),
    ...(texts && texts.worst.length > 0
      ? [
          '',
          'Documents that add most bits:',
          ...textTable(worstTable({ ...texts, worst: texts.worst.slice(0, most) }, sides)),
        ]
      : []),
    ...(probes && probes.lost.length > 0
      ? [
          '',
          'Probes that were right and are wrong:',
          ...textTable(lostTable({ ...probes, lost: probes.lost.slice(0, most) })),
        ]
      : []),
    ...answersText(result.prompts, [result.baseline, result.candidate], most),
  ]
  return visible(lines.join('\n'))
}

/**
 * The same as Markdown, for a comment on a pull request.
 *
 * @example await writeFile('gate.md', gateLanguageMarkdown(result))
 */
export function gateLanguageMarkdown(result: LanguageGateResult): string {
  const { texts, probes } = result
  return `${[
    `## ${verdictSigns[result.verdict]} Gate: ${verdictWord[result.verdict].toLowerCase()}`,
    plain(decidingReason(result)),
    `Baseline ${code(result.baseline)}, candidate ${code(result.candidate)}.`,
    ...(texts ? [markdownTable(scoreTable(texts)), plain(textFiguresLine(texts))] : []),
    ...(probes ? [markdownTable(probesTable(probes)), plain(probeFiguresLine(probes))] : []),
    result.rules
      .map(({ rule, verdict, reason }) => `- ${verdictSigns[verdict]} ${rule}: ${plain(reason)}`)
      .join('\n'),
    ...result.warnings.map((warning) => `> **Warning.** ${plain(warning)}`),
    ...(texts && texts.worst.length > 0
      ? [folded('Documents that add most bits', markdownTable(worstTable(texts)))]
      : []),
    ...(probes && probes.lost.length > 0
      ? [folded('Probes that were right and are wrong', markdownTable(lostTable(probes)))]
      : []),
    ...answersMarkdown(result.prompts),
  ].join('\n\n')}\n`
}

/**
 * The same as one self-contained HTML page: the verdict, the figures, which documents and probes got worse, and the same prompts
 * answered before and after.
 *
 * @param options `command`: what made it, shown so that anyone can repeat it
 * @example await writeFile('gate.html', gateLanguagePage(result))
 */
export function gateLanguagePage(
  result: LanguageGateResult,
  { command }: { readonly command?: string | undefined } = {},
): string {
  const { texts, probes, baseline, candidate, verdict, rules, warnings, prompts } = result
  const others = rules.map(({ reason }) => reason).filter((reason) => reason !== decidingReason(result))
  return standalonePage(
    `${candidate} against ${baseline} · Holdfast gate`,
    html`<header><p class="kicker"><b>Holdfast</b> · gate of ${candidate} against ${baseline}</p><h1>${headlines[verdict]}</h1><p class="lead">${decidingReason(result)}</p>${others.map((reason) => html`<p class="lead">${reason}</p>`)}${notice('Warnings', warnings)}</header>
<main>${texts ? html`<section><h2>Texts</h2>${dataTable(scoreTable(texts))}<p class="about">${textFiguresLine(texts)}</p></section>` : undefined}
${probes ? html`<section><h2>Probes</h2>${dataTable(probesTable(probes))}<p class="about">${probeFiguresLine(probes)}</p></section>` : undefined}
${answersSection(prompts, [baseline, candidate])}
${texts && texts.worst.length > 0 ? html`<section><h2>Documents that got worse</h2><p class="about">Those that add most bits, 20 at most.</p>${dataTable(worstTable(texts))}</section>` : undefined}
${probes && probes.lost.length > 0 ? html`<section><h2>Probes that were right and are wrong</h2><div class="facts">${dataTable(lostTable(probes))}</div></section>` : undefined}
${command === undefined ? undefined : html`<section><h2>Do it again</h2><pre>${command}</pre></section>`}</main>
<footer>Everything on this page is in the file itself. Bounds of texts are for paired documents (Student's t and the bootstrap's), those of probes of a test of paired proportions (Tango 1998).</footer>`,
  )
}

const headlines = {
  pass: 'The new model may replace the old one',
  fail: 'The new model may not replace the old one',
  inconclusive: 'Too little data to tell whether the new model may replace the old one',
} as const

/**
 * The same as JUnit XML: a test case a rule; a failed one is a failure, an inconclusive one an error.
 *
 * @example await writeFile('gate.xml', gateLanguageJunit(result))
 */
export const gateLanguageJunit = ({ rules, texts, probes }: LanguageGateResult): string =>
  junitXml(
    rules.map(({ rule, verdict, reason }) => ({
      suite: 'rules' as const,
      name: rule,
      ...(verdict !== 'pass' && {
        problem: { element: verdict === 'fail' ? ('failure' as const) : ('error' as const), message: reason },
      }),
    })),
    [...(texts ? [textFiguresLine(texts)] : []), ...(probes ? [probeFiguresLine(probes)] : [])].join(' '),
  )
