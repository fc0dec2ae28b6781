import { type Evidence, measured } from './evidence.ts'

/** What of the old data may be kept for the next update. */
export const memories = ['nothing', 'sums', 'rows', 'all'] as const
export type Memory = (typeof memories)[number]

/** What to keep when a model ships. */
export interface KeepAdvice {
  /** The command; undefined where nothing is kept. */
  readonly command: string | undefined
  readonly why: string
  readonly evidence: readonly Evidence[]
}

/** What to keep of a classifier's or a language model's data for the next update, if so much may be kept. */
export function adviseKeeping(memory: Memory, model: 'classifier' | 'language'): KeepAdvice {
  if (model === 'language') return forTexts(memory)
  const { memory: by } = measured
  switch (memory) {
    case 'nothing':
      return {
        command: undefined,
        why: 'Nothing may be kept: then nothing can be proved of the next update, and new classes will push old ones out. Sums of features are no rows; ask whether these may be kept.',
        evidence: [],
      }
    case 'sums':
      return {
        command: 'holdfast keep MODEL --data OLD --sums-only --expand-head 2000 -o model.keep',
        why: 'Counts, class sums and products of features, no row at all: new classes join by a head that is worked out. Nothing is held out, so that the next update proves nothing by this pack alone.',
        evidence: [by.sums],
      }
    case 'rows':
      return {
        command: 'holdfast keep MODEL --data OLD -o model.keep',
        why: 'About 1,000 exemplars to rehearse, their answers, sums, and held-out rows that prove. More rows than that bring little.',
        evidence: [by.few, by.some, by.all],
      }
    case 'all':
      return {
        command: undefined,
        why: 'Keep the data and give them to update with --old; a pack beside them keeps what each release answered.',
        evidence: [by.all, by.some],
      }
  }
}

function forTexts(memory: Memory): KeepAdvice {
  const { language } = measured
  if (memory === 'nothing' || memory === 'sums') {
    return {
      command: undefined,
      why: 'Sums say nothing of texts. Without any the model rehearses what it writes itself (--old self); a few held-out documents would prove what is kept.',
      evidence: [language['self-written']],
    }
  }
  return {
    command: 'holdfast keep MODEL --data OLD -o model.keep',
    why: 'Documents to rehearse, what the model answered there, and held-out documents with their loss.',
    evidence: [language.update, language['replay of 25 %'], language['replay of 5 %']],
  }
}
