import { summaries, verbNames } from './summaries.ts'

/** What `holdfast` alone says. */
export const overview = (): string => {
  const width = Math.max(...verbNames.map((name) => name.length))
  return [
    'Update trained neural networks without letting them forget, and prove it.',
    '',
    'USAGE  holdfast VERB [arguments]',
    '',
    ...verbNames.map((name) => `  ${name.padEnd(width)}  ${summaries[name]}`),
    '',
    'holdfast VERB --help says more, with an example that works. To begin: holdfast quickstart',
    '',
  ].join('\n')
}
