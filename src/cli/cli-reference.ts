import { factsOf, referencePage } from './flags/index.ts'
import { commonSettings } from './verb.ts'
import { verbs } from './verbs.ts'

/** All verbs as Markdown: what `docs/cli.md` holds. */
export const cliReference = (): string => `${referencePage(verbs, factsOf(commonSettings))}\n`
