import { explained, groupsOf, type Helped, spelled, usageOf } from './help.ts'

/** All verbs as Markdown: what `docs/cli.md` holds. */
export function referencePage(
  verbs: readonly Helped[],
  everyVerb: readonly Helped['facts'][number][],
): string {
  const shared = new Set(everyVerb.map(({ key }) => key))
  const own = verbs.map((verb) => ({ ...verb, facts: verb.facts.filter(({ key }) => !shared.has(key)) }))
  return [
    '# The command line',
    '',
    '<!-- Written by `node scripts/run.mjs scripts/cli-reference.ts` from the schemas in src/cli; do not edit. -->',
    '',
    'Results go to stdout, progress and warnings to stderr. Exit codes: 0 done or passed, 1 usage error or crash, 2 gate failed or',
    'budget not met, 3 too little data to tell, 130 and 143 stopped by Ctrl-C or SIGTERM. `holdfast VERB --help` shows the same as',
    'below, and `--help --json` the settings as JSON Schema.',
    '',
    ...own.map(({ name, summary }) => `- [\`${name}\`](#${name}): ${summary}`),
    '',
    '## Flags of every verb',
    '',
    ...table(everyVerb),
    ...own.flatMap(verbSection),
  ].join('\n')
}

function verbSection(verb: Helped): string[] {
  return [
    '',
    `## ${verb.name}`,
    '',
    `${verb.summary}.`,
    '',
    '```bash',
    ...verb.examples,
    '```',
    '',
    `Usage: \`${usageOf(verb)}\``,
    ...groupsOf(verb.facts).flatMap(([group, facts]) => ['', `**${group}**`, '', ...table(facts)]),
  ]
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

const table = (facts: Helped['facts']): string[] => [
  '| flag | meaning |',
  '|---|---|',
  ...facts.map((fact) => `| \`${cell(spelled(fact))}\` | ${cell(explained(fact))} |`),
]
