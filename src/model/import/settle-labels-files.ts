import { count } from '../../count.ts'
import { arePlaceholders, type LabelText, numbered, preview, refuseRepeated } from '../../data/names/index.ts'
import { ModelError } from '../../errors.ts'
import { present } from '../../required.ts'
import { findHead } from '../heads/index.ts'
import { classCount, type Model } from '../model.ts'
import { labelTextsBeside } from './labels-beside-files.ts'
import { namedClasses } from './onnx-model.ts'

/** The labels of a model's outputs, and what is to be said of where they come from. */
export interface SettledLabels {
  readonly classes: Pick<Model, 'classes' | 'unnamed' | 'namedBeside'>
  readonly notes: readonly string[]
}

/**
 * Decides which labels a model has: those of the files beside it, else its own.
 *
 * @param own The model with the labels of its metadata, or numbers.
 * @throws ModelError `labels-count` where a file has more or fewer labels than there are outputs; `labels-disagree` where two files say
 * different ones; `labels-unreadable`; DataError `classes-repeated` where two outputs have one name.
 */
export async function settleLabels(path: string, own: Model): Promise<SettledLabels> {
  const outputs = outputsOf(own)
  const named = own.classes.length > 0 && !own.unnamed
  const fits = (names: readonly string[]) => outputs === undefined || labelsFit(names.length, outputs)
  // Placeholders in the configuration of a model without labels say nothing.
  const texts = (await labelTextsBeside(path, outputs)).filter(
    ({ names }) => names.length > 0 && (fits(names) || !arePlaceholders(names)),
  )
  const odd = texts.find(({ names }) => !fits(names))
  if (odd) {
    if (!named || outputs === undefined || !labelsFit(own.classes.length, outputs))
      throw wrongCount(odd, path, present(outputs, 'the number of outputs'))
    return {
      classes: withDistinctNames(path, own),
      notes: [
        `${odd.path} has ${odd.names.length} labels, ${path} has ${outputs} outputs: the labels in the model's own metadata hold (${preview(own.classes)}).`,
      ],
    }
  }
  const [first, ...others] = texts.filter(({ names }) => !arePlaceholders(names))
  const other = first && others.find(({ names }) => JSON.stringify(names) !== JSON.stringify(first.names))
  if (first && other) throw disagreeing(first, other)
  const chosen = first ?? (named ? undefined : texts[0])
  if (!chosen) {
    return fits(own.classes) || !named
      ? { classes: withDistinctNames(path, own), notes: [] }
      : withoutNames(path, own, present(outputs, 'the number of outputs'))
  }
  const differs = named && JSON.stringify(own.classes) !== JSON.stringify(chosen.names)
  return {
    classes: { unnamed: undefined, ...(first && { namedBeside: true }), ...namedClasses(chosen.names) },
    notes: [
      ...chosen.notes,
      ...(differs
        ? [
            `${chosen.path} holds, and not the labels in the model's metadata, which are ${preview(own.classes)}.`,
          ]
        : []),
    ],
  }
}

/** The model, if no two of its own labels are alike; those of files beside it are refused where they are read. */
function withDistinctNames(path: string, own: Model): Model {
  refuseRepeated(
    own.classes,
    ({ name, first, second }) => `${path} calls outputs ${first} and ${second} both ${name} in its metadata`,
    'put a labels.txt with other names beside the model, one class a line in the order of its outputs',
  )
  return own
}

/** How many classes the head has, or the declared output [N, classes]. */
function outputsOf(model: Model): number | undefined {
  const head = findHead(model)
  if (head) return classCount(model, head.classes)
  const dims = (model.graph.outputs.find(({ name }) => name === model.output) ?? model.graph.outputs[0])?.dims
  const last = dims?.length === 2 ? dims[1] : undefined
  return typeof last === 'number' ? last : undefined
}

/** One logit tells two classes apart. */
const labelsFit = (labels: number, outputs: number): boolean =>
  labels === outputs || (outputs === 1 && labels === 2)

function wrongCount({ path, names }: LabelText, model: string, outputs: number): ModelError {
  const background =
    names.length === outputs + 1 && /^(_*background_*|dummy|unused|none|n\/a)$/i.test(names[0] ?? '')
  const why = background
    ? ` The first is "${names[0]}", which the model seems to have no output for: take that line away.`
    : ' Every output needs one, in their order.'
  return new ModelError(
    'labels-count',
    `${path} has ${names.length} labels, but ${model} has ${outputs} outputs.${why} Correct the file or take it away.`,
  )
}

/** What a file's metadata call classes is then something else, or stale. */
const withoutNames = (path: string, { classes }: Model, outputs: number): SettledLabels => ({
  classes: { classes: numbered(outputs), unnamed: true },
  notes: [
    `${path} names ${count(classes.length, 'class')} in its metadata (${preview(classes)}), but has ${count(outputs, 'output')}: they are taken to have no names. A labels.txt beside it, one class a line, gives them some.`,
  ],
})

function disagreeing(first: LabelText, other: LabelText): ModelError {
  const at = first.names.findIndex((name, place) => name !== other.names[place])
  return new ModelError(
    'labels-disagree',
    `${first.path} and ${other.path} name the model's outputs differently: output ${at} is "${first.names[at]}" in the one and "${other.names[at]}" in the other. Correct or take away the one that is not of this model.`,
  )
}
