import { count } from '../../count.ts'
import type { Dataset } from '../../data/dataset.ts'
import { sortedNotes } from '../../data/notes.ts'
import { countingLabels } from '../../data/row-lengths.ts'
import { topTokensNotes } from '../../evaluate/index.ts'
import { fewestDocuments } from '../../measure/ratio-change.ts'
import { rankNotes } from '../../model/adapters/index.ts'
import { vocabularyOf } from '../../model/language.ts'
import { inTextUnit } from '../gate/index.ts'
import type { KnownByHeart } from './by-heart.ts'
import { assignTexts, type TextParts } from './text-parts.ts'
import { type TextRung, textLadder } from './text-rungs.ts'
import { exemplarsOf, methodOfRung } from './text-trial.ts'
import type { TextUpdateBudget, TextUpdateOptions } from './text-update-types.ts'
import type { TextUpdateEstimate } from './update-texts.ts'
import type { Writing } from './write-old-texts.ts'

/** Documents, and their tokens that count in the loss. */
export interface TextFacts {
  readonly documents: number
  readonly tokens: number
}

/** What was found before the update of a language model, and what follows from it. */
export interface TextPreflight {
  readonly schema: 'holdfast.preflight-texts/1'
  /** New documents to train on and to measure on; old ones to rehearse, to order candidates by, and to prove on. */
  readonly texts: Readonly<Record<'train' | 'check' | 'rehearsed' | 'order' | 'heldOut', TextFacts>>
  /** Whether the texts to rehearse are written by the model itself. */
  readonly selfWritten: boolean
  readonly method: { readonly name: string; readonly reasons: readonly string[] }
  /** Those asked for; once the update is open, those of them that memory has room for. */
  readonly rungs: readonly string[]
  readonly budget: TextUpdateBudget
  /** Null until it has been measured. */
  readonly cost:
    | (TextUpdateEstimate & {
        readonly reading: number
        /** What texts that the model writes itself take, all of them; null where it writes none. */
        readonly writing: Writing | null
      })
    | null
  readonly notes: readonly string[]
  readonly warnings: readonly string[]
}

/** So many documents show most budgets that are asked for; with fewer their differences decide. */
const ENOUGH = 20

/**
 * Looks at what there is for an update of a language model, before anything is trained.
 *
 * @throws UsageError `update-data`, and what a method that does not go with the texts throws.
 * @example
 * const { texts, warnings } = textPreflight({ engine, ...learner, budget: { unit: 'relative', maxChange: 0.02 } })
 */
export function textPreflight(
  options: TextUpdateOptions,
  {
    notes = [],
    selfWritten = false,
    parts = assignTexts(options),
  }: {
    readonly notes?: readonly string[]
    readonly selfWritten?: boolean
    /** What `assignTexts` made of the same options, where that is known. */
    readonly parts?: TextParts
  } = {},
): TextPreflight {
  const told = sortedNotes([...notes, ...rankNotes(options.model, options.lora), ...topNotes(options)])
  const { counts, rehearsed, train, check, order, proof, byHeart } = parts
  const rungs = textLadder(options)
  const facts = (documents: number, rows: Dataset | undefined): TextFacts => ({
    documents,
    tokens: rows ? countingLabels(rows) : 0,
  })
  const exemplars = exemplarsOf(options, parts)
  const name = nameFor(options, parts, rungs)
  return {
    schema: 'holdfast.preflight-texts/1',
    texts: {
      train: facts(counts.train, train),
      check: facts(counts.check, check),
      rehearsed: facts(exemplars ? counts.rehearsed : 0, exemplars?.rows),
      order: facts(counts.order, order),
      heldOut: facts(counts.heldOut, proof),
    },
    selfWritten,
    method: {
      name,
      reasons: reasonsFor(options.method, {
        there: rehearsed !== undefined,
        byHeart,
        exemplars: exemplars !== undefined,
        selfWritten,
      }),
    },
    rungs: rungs.map(({ place }) => place),
    budget: options.budget,
    cost: null,
    notes: told.notes,
    warnings: [...told.warnings, ...warningsFor(options.budget, counts.heldOut)],
  }
}

const topNotes = ({ model, methodOptions }: TextUpdateOptions): readonly string[] =>
  topTokensNotes(Number(methodOptions?.topTokens ?? 0), vocabularyOf(model))

/** Checked for each rung, before anything is trained. */
function nameFor(options: TextUpdateOptions, parts: TextParts, rungs: readonly TextRung[]): string {
  const [first] = rungs.map(({ name }) => methodOfRung(options, parts, name))
  return first ?? methodOfRung(options, parts, 'whole')
}

interface OldTexts {
  /** Whether there are any to rehearse, and whether they are rehearsed. */
  readonly there: boolean
  readonly exemplars: boolean
  readonly byHeart: KnownByHeart | undefined
  readonly selfWritten: boolean
}

const mixed =
  'Then the path between old and new weights is searched: points between often keep the old and know the new (Wortsman et al. 2022).'

function reasonsFor(
  asked: string | undefined,
  { there, byHeart, exemplars, selfWritten }: OldTexts,
): readonly string[] {
  if (asked !== undefined) return [`Asked for: ${asked}.`]
  const kept = 'its likeliest next tokens are distilled on them'
  if (selfWritten) {
    return [
      `No old texts are there: texts that the model writes itself are rehearsed beside the new ones, and ${kept} (LAMOL: Sun et al. 2020).`,
    ]
  }
  if (exemplars && byHeart) {
    const { rehearsed, heldOut } = byHeart
    return [
      `The model knows the old texts to rehearse by heart (${rehearsed.toPrecision(2)} nats a token, and ${heldOut.toPrecision(2)} on those that prove): its own shares would say no more than they do, and teach it to be as sure of others. They are rehearsed without.`,
      mixed,
    ]
  }
  return [
    exemplars
      ? `Old texts are there: a share of what is trained on is old, and ${kept} (Ibrahim et al. 2024, Buzzega et al. 2020).`
      : `${there ? 'Old texts are there, and none of them is to be rehearsed' : 'No old texts are there'}: the model's answers are distilled on the new ones instead (Li & Hoiem 2016).`,
    mixed,
  ]
}

function warningsFor(budget: TextUpdateBudget, heldOut: number): readonly string[] {
  const allowed = inTextUnit(budget.maxChange, budget.unit)
  if (heldOut === 0) {
    return [
      'No old documents are held out, so that nothing can be proved of what is kept: the result will be unproven.',
    ]
  }
  if (heldOut < fewestDocuments) {
    return [
      `${count(heldOut, 'old document')} ${heldOut === 1 ? 'is' : 'are'} held out, and at least ${fewestDocuments} are needed to show anything: the result will be unproven. Parts of a long text may be documents of their own.`,
    ]
  }
  return heldOut < ENOUGH
    ? [
        `${count(heldOut, 'old document')} are held out: whether they show a change of at most ${allowed} depends on how different they are. More of them let the proof go further.`,
      ]
    : []
}
