import { factsOf, referencePage } from './flags/index.ts'
import { commonSettings } from './verb.ts'
import { openVerbs } from './verbs.ts'

/** All verbs as Markdown: what `docs/cli.md` holds. */
export const cliReference = async (): Promise<string> =>
  `${referencePage(await openVerbs(), factsOf(commonSettings))}\n`
