import { count } from '../count.ts'
import type { LabelledFigures } from '../evaluate/index.ts'
import type { Interval } from '../measure/wilson.ts'
import { itemAt } from '../required.ts'
import type { Evaluation, ModelEvaluation } from '../update/evaluate/index.ts'
import { oneLine } from './answers.ts'
import { visible } from './figures/index.ts'
import { textTable } from './text-table.ts'

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`
const whole = (value: number): string => value.toLocaleString('en-US')
const between = ({ lower, upper }: Interval): string =>
  `${(100 * lower).toFixed(1)} to ${(100 * upper).toFixed(1)} %`
const decimals = (value: number | null, digits: number): string =>
  value === null
    ? '–'
    : value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits })

/**
 * What models are worth, for the terminal: a table for each kind of figure, a line a model.
 *
 * @param options `most`: how many classes and documents are shown, the worst first; default 20
 * @example console.log(evaluateText(evaluation))
 */
export function evaluateText(
  { data, probes, prompts = [], models }: Evaluation,
  { most = 20 }: { readonly most?: number | undefined } = {},
): string {
  const lines = [
    ...(data ? [`${data.path}, ${partWords[data.part]}`, ...dataLines(models, most)] : []),
    ...(data && probes !== undefined ? [''] : []),
    ...(probes === undefined ? [] : [probes, ...probeLines(models)]),
    ...answerLines(prompts, models, data !== undefined || probes !== undefined),
  ]
  return visible(lines.join('\n'))
}

/** What each model wrote behind each prompt. */
function answerLines(
  prompts: readonly string[],
  models: readonly ModelEvaluation[],
  behind: boolean,
): readonly string[] {
  const width = Math.max(...models.map(({ model }) => model.length))
  const lines = prompts.flatMap((prompt, at) => [
    `> ${oneLine(prompt, 100)}`,
    ...having(models, ({ answers }) => answers?.[at]).map(
      ({ model, found }) => `  ${model.padEnd(width)}  ${oneLine(found, 160)}`,
    ),
  ])
  return lines.length > 0 && behind ? ['', ...lines] : lines
}

/** What is not divided counts as the training part. */
const partWords = { test: 'test part', validation: 'validation part', train: 'all of it' } as const

/** The models that have a figure, with it. */
const having = <T>(
  models: readonly ModelEvaluation[],
  figure: (model: ModelEvaluation) => T | undefined,
): readonly { readonly model: string; readonly found: T }[] =>
  models.flatMap((each) => {
    const found = figure(each)
    return found === undefined ? [] : [{ model: each.model, found }]
  })

function dataLines(models: readonly ModelEvaluation[], most: number): readonly string[] {
  const texts = having(models, (model) => model.texts)
  const labelled = having(models, (model) => model.labelled)
  return texts.length > 0
    ? [...textLines(texts), ...documentLines(models, most)]
    : labelledLines(labelled, most)
}

function textLines(
  texts: ReturnType<typeof having<NonNullable<ModelEvaluation['texts']>>>,
): readonly string[] {
  return textTable({
    head: ['model', 'documents', 'tokens', 'bytes', 'loss', 'perplexity', 'bits per byte'],
    rows: texts.map(({ model, found }) => [
      ...[model, whole(found.documents), whole(found.tokens), whole(found.bytes)],
      ...[decimals(found.loss, 4), decimals(found.perplexity, 2), decimals(found.bitsPerByte, 4)],
    ]),
  })
}

/** Documents, those that cost the last model most for each byte first. */
function documentLines(models: readonly ModelEvaluation[], most: number): readonly string[] {
  const each = having(models, (model) => model.texts?.byDocument)
  const last = each.at(-1)
  if (!last) return []
  const costs = each.map(({ found }) => new Map(found.map((one) => [one.document, one.bitsPerByte])))
  const worst = [...last.found].sort((a, b) => (b.bitsPerByte ?? 0) - (a.bitsPerByte ?? 0))
  return [
    '',
    ...textTable({
      head: ['document', 'bytes', ...each.map(({ model }) => `bits per byte, ${model}`)],
      rows: worst
        .slice(0, most)
        .map(({ document, bytes }) => [
          ...[document, whole(bytes)],
          ...costs.map((cost) => decimals(cost.get(document) ?? null, 4)),
        ]),
    }),
    ...moreLines(worst.length - most, 'document', 'that cost less'),
  ]
}

const moreLines = (left: number, noun: string, which: string): readonly string[] =>
  left > 0 ? [`… and ${count(left, noun)} more ${which} (--json has all)`] : []

type Labelled = ReturnType<typeof having<LabelledFigures>>

function labelledLines(labelled: Labelled, most: number): readonly string[] {
  const rows = labelled.map(({ model, found }) => [model, ...figuresOf(found)])
  const [first] = labelled
  if (!first) return []
  return [...textTable({ head: ['model', ...heads[first.found.kind]], rows }), ...classLines(labelled, most)]
}

const heads: Readonly<Record<LabelledFigures['kind'], readonly string[]>> = {
  classification: ['rows', 'accuracy', '95 % interval', 'macro F1'],
  'token-classification': ['tokens', 'accuracy', 'macro F1'],
  'multi-label': ['rows', 'labels right', 'rows right', '95 % interval', 'macro F1'],
  regression: ['rows', 'explained variance', 'root mean squared error'],
}

function figuresOf(found: LabelledFigures): readonly string[] {
  const rows = whole(found.rows)
  if (found.kind === 'regression') return [rows, percent(found.explainedVariance), found.rmse.toPrecision(4)]
  const [accuracy, f1] = [percent(found.accuracy), percent(found.macroF1)]
  if (found.kind === 'multi-label')
    return [rows, accuracy, percent(found.subset), between(found.subsetInterval), f1]
  return found.interval ? [rows, accuracy, between(found.interval), f1] : [rows, accuracy, f1]
}

/** Classes, those that the last model knows worst first. */
function classLines(labelled: Labelled, most: number): readonly string[] {
  const each = labelled.map(({ model, found }) => ({
    model,
    classes: 'classes' in found ? found.classes : [],
  }))
  const last = each.at(-1)
  if (!last || last.classes.length === 0) return []
  const known = each.map(({ classes }) => new Map(classes.map((one) => [one.name, one])))
  const worst = [...last.classes].sort((a, b) => a.accuracy - b.accuracy)
  const alone = each.length === 1
  const rows = worst.slice(0, most).map((one) =>
    alone
      ? [
          ...[one.name, whole(one.rows), percent(one.accuracy), between(one.interval)],
          ...[one.precision === null ? '–' : percent(one.precision), percent(one.f1)],
        ]
      : [
          ...[one.name, whole(one.rows)],
          ...known.map((classes) => {
            const found = classes.get(one.name)
            return found ? `${percent(found.accuracy)} (${between(found.interval)})` : '–'
          }),
        ],
  )
  const head = alone
    ? ['class', 'rows', 'accuracy', '95 % interval', 'precision', 'F1']
    : ['class', 'rows', ...each.map(({ model }) => model)]
  return [
    '',
    ...textTable({ head, rows }),
    ...moreLines(worst.length - most, 'class', 'that are known better'),
  ]
}

function probeLines(models: readonly ModelEvaluation[]): readonly string[] {
  const choices = having(models, (model) => model.probes?.choices)
  const answers = having(models, (model) => model.probes?.answers)
  const chance = choices.length > 0 ? percent(itemAt(choices, 0, 'model').found.chance) : ''
  return [
    ...(choices.length === 0
      ? []
      : [
          ...textTable({
            head: ['model', 'questions', 'acc', '95 % interval', 'acc_norm', '95 % interval'],
            rows: choices.map(({ model, found: { probes, sum, bytes } }) => [
              ...[model, whole(probes), percent(sum.accuracy), between(sum.interval)],
              ...[percent(bytes.accuracy), between(bytes.interval)],
            ]),
          }),
          `acc takes the likeliest choice, acc_norm the likeliest for each byte. Guessing gives ${chance}.`,
        ]),
    ...(answers.length === 0
      ? []
      : [
          ...(choices.length === 0 ? [] : ['']),
          ...textTable({
            head: ['model', 'prompts', 'exact answers', '95 % interval'],
            rows: answers.map(({ model, found }) => [
              ...[model, whole(found.probes), percent(found.accuracy), between(found.interval)],
            ]),
          }),
        ]),
  ]
}
