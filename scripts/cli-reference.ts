// Writes docs/cli.md from the schemas of the verbs: node scripts/run.mjs scripts/cli-reference.ts
import { writeFileSync } from 'node:fs'
import { cliReference } from '../src/cli/cli-reference.ts'

writeFileSync('docs/cli.md', await cliReference())
