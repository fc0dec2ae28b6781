import type { ArgsDef } from 'citty'

/** Names the logits of a model. */
export const outputFlag = {
  output: {
    type: 'string',
    description: 'The value that holds the logits, where the file does not tell',
    valueHint: 'VALUE',
  },
} as const satisfies ArgsDef

/** The same where there are two models. */
export const outputOfBothFlag = {
  output: {
    ...outputFlag.output,
    description: 'The value that holds the logits, where the files do not tell',
  },
} as const satisfies ArgsDef

/** How data become a model's input. */
export const preprocessingFlag = {
  preprocessing: {
    type: 'string',
    description: 'unit, mnist, stored, or default: as the data come',
    valueHint: 'KIND',
  },
} as const satisfies ArgsDef

export const numbersFlag = {
  'numbers-are-positions': {
    type: 'boolean',
    description: 'Labels that are numbers mean places in the list of classes',
  },
} as const satisfies ArgsDef
