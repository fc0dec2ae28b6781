import { didYouMean, UsageError } from '../../errors.ts'

/** What keeps the old while the new is learned. */
export interface UpdateMethod {
  /** Rows of old exemplars in every batch. */
  readonly replay: boolean
  /** The old model's answers are distilled on every row that has some. */
  readonly distillation: boolean
  /** EWC's penalty, with the exact Fisher of the exemplars. */
  readonly penalty: boolean
  /** Old and new rows are one data set, as if trained anew on everything. */
  readonly joint: boolean
}

/** What there is to choose a method by. */
export interface MethodFacts {
  /** Whether there are old rows to rehearse. */
  readonly exemplars: boolean
  readonly unlabelled: boolean
  /** Whether the new data have classes that the model does not know. */
  readonly added: boolean
}

/** A method, and the evidence for it in a sentence each. */
export interface ChosenMethod {
  readonly method: UpdateMethod
  /** As on the command line: 'replay+distil'. */
  readonly name: string
  readonly reasons: readonly string[]
}

const nothing: UpdateMethod = { replay: false, distillation: false, penalty: false, joint: false }

const parts = { replay: 'replay', distil: 'distillation', ewc: 'penalty' } as const

/**
 * A method as it is written: `auto` (undefined), `none`, `joint`, or `replay`, `distil` and `ewc` in any composition.
 *
 * @throws UsageError `method-unknown`.
 * @example parseUpdateMethod('ewc+replay')
 */
export function parseUpdateMethod(text: string): UpdateMethod | undefined {
  if (text === 'auto') return undefined
  if (text === 'none') return nothing
  if (text === 'joint') return { ...nothing, joint: true }
  const words = text.split('+')
  const wrong = words.find((word) => !Object.hasOwn(parts, word))
  if (wrong !== undefined) {
    throw new UsageError(
      'method-unknown',
      `There is no way to update called "${wrong}"; there are auto, none, joint, replay, distil, ewc, and compositions of the last three such as ewc+replay.${didYouMean(wrong, ['auto', 'none', 'joint', ...Object.keys(parts)])}`,
    )
  }
  return {
    joint: false,
    replay: words.includes('replay'),
    distillation: words.includes('distil'),
    penalty: words.includes('ewc'),
  }
}

/** The name that {@link parseUpdateMethod} reads. */
export function updateMethodName(method: UpdateMethod): string {
  if (method.joint) return 'joint'
  const words = Object.entries(parts).flatMap(([word, part]) => (method[part] ? [word] : []))
  return words.length > 0 ? words.join('+') : 'none'
}

/**
 * The method for the data that there are, unless one is asked for.
 *
 * @throws UsageError `method-old-data` for a method that needs old rows where there are none.
 * @example chooseMethod(undefined, { exemplars: true, unlabelled: false, added: true }).name // 'replay+distil'
 */
export function chooseMethod(asked: UpdateMethod | undefined, facts: MethodFacts): ChosenMethod {
  const method = asked ?? { ...nothing, replay: facts.exemplars, distillation: true }
  const name = updateMethodName(method)
  if (!facts.exemplars && (method.replay || method.penalty || method.joint)) {
    throw new UsageError(
      'method-old-data',
      `The method ${name} needs old rows, but there are none: give the old data (--old) or a pack with exemplars (--keep), or take --method distil.`,
    )
  }
  return { method, name, reasons: asked ? warnings(method, facts) : reasonsFor(facts) }
}

function reasonsFor({ exemplars, unlabelled, added }: MethodFacts): string[] {
  return [
    exemplars
      ? 'Old rows are there: rehearsing even 1 to 5 % of the old data, with the old answers distilled on them, is what keeps most (Rolnick et al. 2019, Buzzega et al. 2020).'
      : `No old rows are there: the old model's answers are distilled on the new ${unlabelled ? 'and the unlabelled ' : ''}inputs instead (Li & Hoiem 2016).`,
    ...(added && !exemplars
      ? [
          'New classes on one head without old rows: much will be forgotten, as nothing shows the old classes beside the new ones. Even a few old rows a class help more than any method.',
        ]
      : []),
    'Then the path between old and new weights is searched: points between often keep the old and know the new (Wortsman et al. 2022).',
  ]
}

function warnings(method: UpdateMethod, { added }: MethodFacts): string[] {
  if (method.joint) return ['Asked for: training on old and new rows together.']
  const alone = method.penalty && !method.replay && added
  return [
    `Asked for: ${updateMethodName(method)}.`,
    ...(alone
      ? [
          'EWC alone does not keep old classes apart from new ones on one head (8 % on Split CIFAR-100, class-incremental): add replay.',
        ]
      : []),
    ...(method.replay || method.distillation || method.penalty
      ? []
      : ['Nothing protects the old while training; only the path between the weights does.']),
  ]
}
