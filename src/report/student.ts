import { points } from '../measure/points.ts'
import type { GateResult, LanguageGateResult } from '../update/gate/index.ts'
import type { StudentResult } from '../update/student/index.ts'
import { dataTable, html, type Markup, type TableData } from './figures/index.ts'
import { gateLanguageText } from './gate-language.ts'
import { decidingReason, figuresLine, groupTable, legend, overallTable } from './gate-table.ts'
import { gateText } from './gate-text.ts'
import { scoreTable, textFiguresLine, worstTable } from './gate-text-tables.ts'
import { teacherAndStudent as sides } from './sides.ts'
import { textTable } from './text-table.ts'
import { notice, standalonePage } from './update-page.ts'

/** What the figures are of, in a sentence. */
const judgedWords = {
  labels: 'Judged by the labels of rows held out.',
  teacher:
    'No row held out has a label, so the teacher’s own answers stand for them: the drop is the share of rows that the student answers otherwise.',
  texts: 'Judged by bits per byte of documents held out.',
} as const

const isOfTexts = (gate: StudentResult['gate']): gate is LanguageGateResult => 'prompts' in gate

const sizesTable = ({ teacher, student, agreement }: StudentResult): TableData => ({
  caption: 'Teacher and student',
  head: ['', 'weights', 'of the teacher’s', ...(agreement === null ? [] : ['same answer %'])],
  rows: [
    ['teacher', teacher.parameters.toLocaleString('en-US'), '', ...(agreement === null ? [] : [''])],
    [
      'student',
      student.parameters.toLocaleString('en-US'),
      `${points(student.parameters / teacher.parameters)} %`,
      ...(agreement === null ? [] : [points(agreement, 2)]),
    ],
  ],
})

/**
 * A student's verdict for the terminal: as the gate says it, and how large it is.
 *
 * @example console.log(studentText(result))
 */
export function studentText(result: StudentResult): string {
  const { gate } = result
  return [
    isOfTexts(gate) ? gateLanguageText(gate, { sides }) : gateText(gate, { sides }),
    '',
    judgedWords[result.judgedBy],
    ...textTable(sizesTable(result)),
  ].join('\n')
}

/**
 * The same as one self-contained HTML page.
 *
 * @param options `command`: what made it, shown so that anyone can repeat it
 * @example await writeFile('report.html', studentPage(result))
 */
export function studentPage(
  result: StudentResult,
  { command }: { readonly command?: string | undefined } = {},
): string {
  const { gate, teacher, student } = result
  return standalonePage(
    `${student.name} taught by ${teacher.name} · Holdfast distil`,
    html`<header><p class="kicker"><b>Holdfast</b> · ${student.name}, taught by ${teacher.name}</p><h1>${headlines[gate.verdict]}</h1><p class="lead">${decidingReason(gate)}</p><p class="lead">${judgedWords[result.judgedBy]}</p>${notice('Warnings', gate.warnings)}</header>
<main><section><h2>Teacher and student</h2>${dataTable(sizesTable(result))}</section>
${isOfTexts(gate) ? textSections(gate) : rowSections(gate)}
${command === undefined ? undefined : html`<section><h2>Do it again</h2><pre>${command}</pre></section>`}</main>
<footer>Everything on this page is in the file itself. Bounds are one-sided: of a test of paired proportions (Tango 1998), of texts for paired documents (Student’s t and the bootstrap’s).</footer>`,
  )
}

const headlines = {
  pass: 'The student is shown to be as good as its teacher, within the budget',
  fail: 'The student is shown to be worse than its teacher by more than the budget',
  inconclusive:
    'Too little data to tell whether the student is worse than its teacher by more than the budget',
} as const

const rowSections = (gate: GateResult): Markup =>
  html`<section><h2>Rows held out</h2>${dataTable(overallTable(gate, sides))}<p class="about">${figuresLine(gate)}</p><p class="about">${legend(gate, sides)}</p></section>
<section><h2>By class</h2>${dataTable(groupTable('class', gate.perClass, 50, sides))}</section>`

const textSections = ({ texts }: LanguageGateResult): Markup | undefined =>
  texts &&
  html`<section><h2>Documents held out</h2>${dataTable(scoreTable(texts, sides))}<p class="about">${textFiguresLine(texts, sides)}</p></section>
${texts.worst.length > 0 ? html`<section><h2>Documents that the student reads worst beside its teacher</h2>${dataTable(worstTable(texts, sides))}</section>` : undefined}`
