import type { AdvisedMethod, MethodAdvice, RefusedMethod, Situation } from '../methods/advise-methods.ts'
import type { Evidence } from '../methods/evidence.ts'
import type { KeepAdvice } from '../methods/keep-advice.ts'
import type { UpdateAdvice } from '../update/advise/index.ts'
import type { TextAdvice } from '../update/texts/index.ts'
import { trialWords } from '../update/trial-words.ts'
import { textTable } from './text-table.ts'

const percent = (share: number): string => (100 * share).toFixed(1)

/** A situation in words. */
export function situationWords({ model, old, tasks, classes }: Situation): string {
  const left = {
    all: 'all old data are there',
    some: 'some old rows are there',
    sums: 'sums of old features are there, and no row',
    none: 'nothing old is there',
  }[old]
  if (model === 'language') return `a language model; ${left}`
  return `a classifier; ${left}; ${classes === 'new' ? 'new classes' : 'the same classes'}; the task of an input is ${tasks === 'told' ? 'known' : 'not known'}`
}

const cited = (evidence: readonly Evidence[]): string[] =>
  evidence.map(({ of, result, figure, source }) => `     ${of}: ${result} (${figure}; ${source})`)

const ranked = ({ method, flags, verb, why, evidence }: AdvisedMethod, at: number): string[] => [
  `  ${at + 1}. ${method}${flags === undefined ? '' : ` ${flags}`}, by holdfast ${verb}. ${why}`,
  ...cited(evidence),
]

const refused = ({ method, why, evidence }: RefusedMethod): string[] => [
  `  not ${method}: ${why}`,
  ...cited(evidence),
]

/** What our tables say, with their sources. */
export const priorText = ({ ranked: methods, against }: MethodAdvice): string[] => [
  'What our tables say, on other data:',
  ...methods.flatMap(ranked),
  ...against.flatMap(refused),
]

/** What to keep for the next update. */
export const keepText = ({ command, why, evidence }: KeepAdvice): string[] => [
  `For the next update: ${command ?? 'no pack'}. ${why}`,
  ...cited(evidence),
]

/** What was measured on the rows themselves. */
export function measuredText({ measured, unmeasured, before, rows, notes }: UpdateAdvice): string[] {
  const count = (number: number) => number.toLocaleString('en-US')
  const table = textTable({
    head: ['', 'method', 'what trained', 'new %', '±', 'drop %', 'seconds', 'for all rows'],
    rows: measured.map((recipe, at) => [
      String(at + 1),
      recipe.asked.method ?? recipe.method,
      trialWords(recipe),
      `${percent(recipe.new)} %`,
      percent(recipe.error),
      percent(recipe.drop),
      recipe.seconds.measured.toFixed(1),
      `about ${recipe.seconds.all.toFixed(0)}`,
    ]),
  })
  return [
    ...(measured.length === 0
      ? []
      : [
          `Measured on your rows: the share of ${count(rows.judged)} new rows that is right where the drop on ${count(rows.ordered)} old rows seems to be inside the budget (before: ${percent(before ?? 0)} %). Estimates: the update proves on other rows.`,
          ...table.map((line) => `  ${line}`),
        ]),
    ...unmeasured.map(
      ({ method, rung, seconds }) =>
        `  not measured: ${method}, ${rung === 'all' ? 'no time was left' : `${rung}: all up to it takes about ${seconds?.toFixed(0)} s`} (--time)`,
    ),
    ...notes.map((note) => `note: ${note}`),
  ]
}

/** What was measured on the texts themselves. */
export function measuredTextsText({ measured, unmeasured, before, texts, notes }: TextAdvice): string[] {
  const count = (number: number) => number.toLocaleString('en-US')
  const signed = (share: number) => `${share > 0 ? '+' : ''}${percent(share)} %`
  const table = textTable({
    head: ['', 'method', 'what trained', 'saved of new', 'old', 'seconds', 'for all rows'],
    rows: measured.map(({ method, settings, gain, loss, seconds }, at) => [
      String(at + 1),
      method,
      `${settings.rung}, rate ${settings.learningRate}`,
      `${percent(gain)} %`,
      signed(loss),
      seconds.measured.toFixed(1),
      `about ${seconds.all.toFixed(0)}`,
    ]),
  })
  return [
    ...(measured.length === 0
      ? []
      : [
          `Measured on your texts: the share of the bits of ${count(texts.judged)} new documents that is saved where ${count(texts.ordered)} old ones seem to show the budget (before: ${(before?.new ?? 0).toFixed(3)} bits per byte). Estimates: the update proves on other documents.`,
          ...table.map((line) => `  ${line}`),
        ]),
    ...unmeasured.map(
      ({ method, rung, seconds }) =>
        `  not measured: ${method}, ${rung}: training on all new texts takes about ${seconds.toFixed(0)} s (--time)`,
    ),
    ...notes.map((note) => `note: ${note}`),
  ]
}
