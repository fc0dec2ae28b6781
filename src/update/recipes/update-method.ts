import { UsageError } from '../../errors.ts'
import { adviseMethods } from '../../methods/advise-methods.ts'
import { holdsWeights, type MethodEntry, methodParts } from '../../methods/registry.ts'
import { itemAt } from '../../required.ts'

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
  /** As it is registered: 'replay+distil'. */
  readonly name: string
  readonly reasons: readonly string[]
}

/**
 * A method as it is written: `auto` (undefined), or any that is registered, in any composition.
 *
 * @throws UsageError `method-unknown`.
 * @example parseUpdateMethod('ewc+replay')
 */
export function parseUpdateMethod(text: string): string | undefined {
  if (text === 'auto') return undefined
  methodParts(text)
  return text
}

/** Whether a method trains on all old rows, where others rehearse some. */
export const takesAllOldRows = (method: string | undefined): boolean =>
  method !== undefined && methodParts(method).some(({ everything }) => everything)

/**
 * The method for the data that there are, unless one is asked for.
 *
 * @throws UsageError `method-unknown`; `method-old-data` for a method that needs old rows where there are none; `method-past` for one
 * that would have had to see the old being learned.
 * @example chooseMethod(undefined, { exemplars: true, unlabelled: false, added: true }).name // 'replay+distil'
 */
export function chooseMethod(asked: string | undefined, facts: MethodFacts): ChosenMethod {
  const name = asked ?? usualMethod(facts)
  const parts = methodParts(name)
  const blind = parts.find(({ past }) => past === 'training')
  if (blind) {
    throw new UsageError(
      'method-past',
      `The method ${blind.name} remembers how the old was learned, and the model was trained elsewhere. Take ewc, which looks at old rows, or l2-sp, which needs none.`,
    )
  }
  if (!facts.exemplars && parts.some(({ past }) => past === 'rows')) {
    throw new UsageError(
      'method-old-data',
      `The method ${name} needs old rows, but there are none: give the old data (--old) or a pack with exemplars (--keep), or take --method distil.`,
    )
  }
  return { name, reasons: asked ? warnings(name, parts, facts) : reasonsFor(facts) }
}

/** The first of those that {@link adviseMethods} ranks. */
const usualMethod = ({ exemplars, added }: MethodFacts): string =>
  itemAt(
    adviseMethods({
      ...{ model: 'classifier', tasks: 'untold' },
      ...{ old: exemplars ? 'some' : 'none', classes: added ? 'new' : 'same' },
    }).ranked,
    0,
    'method',
  ).method

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

function warnings(name: string, parts: readonly MethodEntry[], { added }: MethodFacts): string[] {
  if (parts.some(({ everything }) => everything)) {
    return ['Asked for: training on old and new rows together.']
  }
  const penalties = parts.filter(holdsWeights)
  return [
    `Asked for: ${name}.`,
    ...(added && penalties.length > 0 && penalties.length === parts.length
      ? [
          `${penalties.map((part) => (part.name === 'ewc' ? 'EWC' : part.name)).join(' and ')} alone does not keep old classes apart from new ones on one head (8 % on Split CIFAR-100, class-incremental): add replay.`,
        ]
      : []),
    ...(parts.every(({ past }) => past === 'nothing')
      ? ['Nothing protects the old while training; only the path between the weights does.']
      : []),
  ]
}
