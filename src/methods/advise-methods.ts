import { type Evidence, measured } from './evidence.ts'

/** What is there to update a model with, and what the update is for. */
export interface Situation {
  readonly model: 'classifier' | 'language'
  /** What is left of the data that the model knows: all rows, some, sums of their features alone, or nothing. */
  readonly old: 'all' | 'some' | 'sums' | 'none'
  /** Whether the program that uses the model knows which task an input belongs to. */
  readonly tasks: 'told' | 'untold'
  /** Whether there are classes that the model has no output for; of language models without meaning. */
  readonly classes: 'new' | 'same'
}

/** A method, and what speaks for it. */
export interface AdvisedMethod {
  /** As it is registered: 'replay+distil'. */
  readonly method: string
  /** What else has to be said to the verb: `--expand-head 2000`. */
  readonly flags?: string | undefined
  /** The verb that runs it: `learn` where an update's one head will not do. */
  readonly verb: 'update' | 'learn'
  readonly why: string
  readonly evidence: readonly Evidence[]
}

/** A method that is often asked for, and does not do here. */
export interface RefusedMethod {
  readonly method: string
  readonly why: string
  readonly evidence: readonly Evidence[]
}

export interface MethodAdvice {
  /** The best first. */
  readonly ranked: readonly AdvisedMethod[]
  readonly against: readonly RefusedMethod[]
}

/**
 * Which methods suit a situation, by what we have measured elsewhere: a prior, which rows of one's own outweigh. `update` takes the first of them where
 * no method is asked for.
 *
 * @example
 * adviseMethods({ model: 'classifier', old: 'some', tasks: 'untold', classes: 'new' }).ranked[0].method // 'replay+distil'
 */
export function adviseMethods(situation: Situation): MethodAdvice {
  if (situation.model === 'language') return forTexts(situation)
  if (situation.tasks === 'told') return forTold(situation)
  return situation.classes === 'new' ? forNewClasses(situation) : forSameClasses(situation)
}

const hasRows = ({ old }: Situation): boolean => old === 'all' || old === 'some'

const joint = (evidence: readonly Evidence[]): AdvisedMethod => ({
  ...{ method: 'joint', verb: 'update' },
  why: 'All old rows beside the new ones: what all others are held against, at the price of the whole training set.',
  evidence,
})

function forNewClasses(situation: Situation): MethodAdvice {
  const { told: _, added, memory } = measured
  const penalties: RefusedMethod = {
    method: 'ewc',
    why: 'A penalty holds weights, and nothing shows it old and new classes side by side: on one head it is no better than plain fine-tuning.',
    evidence: [added.ewc, added.none],
  }
  if (situation.old === 'sums') {
    return {
      ranked: [
        {
          ...{ method: 'distil', flags: '--expand-head 2000', verb: 'update' },
          why: 'A head is worked out from the sums: old classes and new ones are told apart without an old row, and layers below stay.',
          evidence: [memory.sums, memory.some],
        },
      ],
      against: [penalties],
    }
  }
  if (!hasRows(situation)) {
    return {
      ranked: [
        {
          ...{ method: 'distil', verb: 'update' },
          why: 'The old answers on the new rows are all that is left of the old. It is not enough: a few old rows a class, or sums of features, are worth more than any method.',
          evidence: [added.lwf, added.replay],
        },
      ],
      against: [penalties],
    }
  }
  return {
    ranked: [
      {
        ...{ method: 'replay+distil', verb: 'update' },
        why: 'Old rows beside new ones are what tells their classes apart; the old answers on them make few rows count for more. Heads are tried first, layers below where that pays.',
        evidence: [memory.some, added.replay],
      },
      {
        ...{ method: 'replay', verb: 'update' },
        why: 'The same without the old answers.',
        evidence: [added.replay],
      },
      ...(situation.old === 'all' ? [joint([added.joint, memory.all])] : []),
      {
        ...{ method: 'ewc+replay', verb: 'update' },
        why: 'Replay with a penalty beside it: where old rows are too few to hold the layers below.',
        evidence: [],
      },
    ],
    against: [penalties, { method: 'lwf', why: 'Without old rows.', evidence: [added.lwf] }],
  }
}

function forSameClasses(situation: Situation): MethodAdvice {
  const { same } = measured
  const plain: RefusedMethod = {
    method: 'none',
    why: 'Nothing holds the old while training; only the path between the weights does.',
    evidence: [same.none],
  }
  const distil: AdvisedMethod = {
    ...{ method: 'distil', verb: 'update' },
    why: 'The old answers on the new rows hold what they have in common with the old ones. Results vary much with the data.',
    evidence: [same.lwf],
  }
  const still: AdvisedMethod = {
    ...{ method: 'l2-sp', verb: 'update' },
    why: 'Every weight is held alike: it needs no old row, and holds little.',
    evidence: [],
  }
  if (!hasRows(situation)) return { ranked: [distil, still], against: [plain] }
  return {
    ranked: [
      {
        ...{ method: 'replay+distil', verb: 'update' },
        why: 'A few old rows in every batch hold the old inputs; the old answers on them make few rows count for more.',
        evidence: [same.replay],
      },
      { method: 'replay', verb: 'update', why: 'The same without the old answers.', evidence: [same.replay] },
      ...(situation.old === 'all' ? [joint([same.joint])] : []),
      distil,
      {
        ...{ method: 'ewc', verb: 'update' },
        why: 'A penalty by the Fisher of the old rows, which need not be kept afterwards.',
        evidence: [same.ewc],
      },
    ],
    against: [plain],
  }
}

/** Tasks that are told have a head each; an update writes one head for all, so `learn` trains them. */
function forTold(situation: Situation): MethodAdvice {
  const { told } = measured
  const joined: AdvisedMethod = {
    ...{ method: 'joint', verb: 'learn' },
    why: 'All rows of all tasks.',
    evidence: [told.joint],
  }
  const lwf: AdvisedMethod = {
    ...{ method: 'lwf', verb: 'learn' },
    why: 'The old answers on the new rows, for the heads of the old tasks: no old row is needed.',
    evidence: [told.lwf],
  }
  const replay: AdvisedMethod = {
    ...{ method: 'replay', verb: 'learn' },
    why: 'A few old rows of each class in every batch.',
    evidence: [told.replay],
  }
  const held: readonly AdvisedMethod[] = [
    {
      ...{ method: 'ewc', verb: 'learn' },
      why: 'The weights that mattered to the old tasks are held: two tensors a parameter, and no old row.',
      evidence: [told.ewc],
    },
    {
      ...{ method: 'task-lora', verb: 'learn' },
      why: 'Low-rank updates for each task, everything else as it was: nothing can be forgotten, and nothing learned is shared.',
      evidence: [],
    },
  ]
  return {
    ranked: [
      ...(situation.old === 'all' ? [joined] : []),
      lwf,
      ...(hasRows(situation) ? [replay] : []),
      ...held,
    ],
    against: [{ method: 'none', why: 'Plain fine-tuning forgets here, too.', evidence: [told.none] }],
  }
}

function forTexts(situation: Situation): MethodAdvice {
  const { language, chat } = measured
  const against: RefusedMethod[] = [
    {
      method: 'lora',
      why: 'Low-rank updates alone forget less because they learn less; rehearse beside them.',
      evidence: [language.lora],
    },
    {
      method: 'l2-sp',
      why: 'What holds every weight alike holds half of what rehearsal does.',
      evidence: [language['l2-sp'], language.ewc],
    },
  ]
  if (hasRows(situation)) {
    return {
      ranked: [
        {
          ...{ method: 'replay+distil', flags: '--old OLD', verb: 'update' },
          why: 'A quarter of each batch is old text, with what the old model answered there; low-rank updates first, all weights where the budget lets more through.',
          evidence: [language.update, language['replay of 25 %'], language['replay of 5 %']],
        },
      ],
      against,
    }
  }
  return {
    ranked: [
      {
        ...{ method: 'replay+distil', flags: '--old self', verb: 'update' },
        why: 'The model writes texts itself, and they are rehearsed with its own answers: nothing old is needed. Without old texts nothing is proved of the old ones. A chat model answers prompts for holdfast learn (written: {prompts}).',
        evidence: [language['self-written'], chat['self-answered'], chat.none],
      },
      {
        ...{ method: 'lwf', verb: 'learn' },
        why: 'The old answers on the new texts.',
        evidence: [language.lwf],
      },
    ],
    against,
  }
}
