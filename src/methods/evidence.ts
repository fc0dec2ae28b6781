/** One of our own measurements, as it stands in a table of the documents. */
export interface Evidence {
  /** What was measured, in the words of the table's first cells. */
  readonly of: string
  /** What it came to, as the table has it. */
  readonly result: string
  /** What the figure is. */
  readonly figure: string
  /** Where the table is, with the command that prints it. */
  readonly source: string
}

const table =
  (source: string, figure: string) =>
  (of: string, result: string): Evidence => ({ of, result, figure, source })

const splitMnist = (scenario: string) =>
  table(
    'docs/results.md#split-mnist',
    `average accuracy at the end, %, Split MNIST, five tasks of two digits, ${scenario}`,
  )
const told = splitMnist('the task is told')
const same = splitMnist('the same classes with other inputs')
const added = splitMnist('all classes on one head')
const shipped = table(
  'docs/recipes.md#by-memory-and-by-new-images',
  'accuracy of two new classes as shipped at a drop of at most 2 points, %, CIFAR-10, residual network, mean of three pairs',
)
const forgotten = table(
  'docs/language-models.md#what-is-forgotten-by-method',
  'share of the forgetting of plain fine-tuning that is removed, tiny GPT, King James Bible to Python documentation',
)
const formats = table(
  'docs/language-models.md#another-format-of-answers',
  'answers in the old format that are still right, chat model of 1 M parameters, prose to JSON, three seeds',
)

/** What our tables say of methods; `evidence.test.ts` looks each of them up in its document. */
export const measured = {
  told: {
    none: told('fine-tuning', '84.72 ± 2.09'),
    joint: told('joint', '99.69 ± 0.02'),
    ewc: told('EWC', '98.95 ± 0.29'),
    lwf: told('LwF', '99.60 ± 0.04'),
    replay: told('replay, 100 a class', '99.15 ± 0.05'),
  },
  same: {
    none: same('fine-tuning', '56.89 ± 2.51'),
    joint: same('joint', '98.66 ± 0.09'),
    ewc: same('EWC', '63.72 ± 2.25'),
    lwf: same('LwF', '74.07 ± 2.19'),
    replay: same('replay, 100 a class', '94.47 ± 0.45'),
  },
  added: {
    none: added('fine-tuning', '19.92 ± 0.02'),
    joint: added('joint', '97.69 ± 0.05'),
    ewc: added('EWC', '20.18 ± 0.24'),
    lwf: added('LwF', '22.71 ± 0.63'),
    replay: added('replay, 100 a class', '88.93 ± 0.17'),
  },
  memory: {
    sums: shipped('none, sums and random features', '55.9'),
    few: shipped('200', '40.0'),
    some: shipped('1,000', '52.9'),
    all: shipped('all 36,000', '56.8'),
  },
  language: {
    'low rate': forgotten('low rate', '79 ± 0 %'),
    'l2-sp': forgotten('l2-sp', '52 ± 3 %'),
    ewc: forgotten('ewc', '58 ± 2 %'),
    lwf: forgotten('lwf', '74 ± 1 %'),
    lora: forgotten('lora', '44 ± 2 %'),
    'replay of 5 %': forgotten('replay 5 %', '68 ± 1 %'),
    'replay of 25 %': forgotten('replay 25 %', '87 ± 1 %'),
    'self-written': forgotten('self-written 25 % and distil', '90 ± 1 %'),
    update: forgotten('update 2 %', '96 ± 0 %'),
  },
  chat: {
    none: formats('none', '0 ± 0 %'),
    replay: formats('replay 5 %', '65 ± 4 %'),
    'self-answered': formats('self-answered 25 %', '92 ± 4 %'),
    update: formats('update 2 %', '100 ± 0 %'),
  },
} as const
