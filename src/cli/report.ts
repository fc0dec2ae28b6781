import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { reportMarkdown } from '../report/markdown.ts'
import { collectResults } from '../study/grid/index-files.ts'
import { group, on, page } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { defineVerb } from './verb.ts'
import { writeReport } from './write-report.ts'

const DEFAULT_PAGE = 'report.html'

const settings = z.object({
  runs: z.array(z.string()).min(1).meta({
    argument: true,
    description: 'Run folders, or files with what bench --json printed',
    hint: 'RUNS',
  }),
  ...group('Output', {
    out: page().optional().meta({ description: 'Where the page goes', otherwise: DEFAULT_PAGE, alias: 'o' }),
    markdown: on().meta({ description: 'Print Markdown instead of writing a page' }),
  }),
})

/** `holdfast report`: results as a page, as Markdown or as JSON. */
export const report = defineVerb({
  name: 'report',
  examples: [
    'holdfast report runs/2026-11-23T22-41-05-split-mnist -o report.html',
    'holdfast report results.json --markdown',
  ],
  settings,
  run: async ({ runs, markdown, json, out: asked }, call, outputs) => {
    if (markdown && json) {
      throw new UsageError('flag-value', '--markdown and --json exclude each other; leave one out.')
    }
    const out = markdown ? undefined : (asked ?? (json ? undefined : DEFAULT_PAGE))
    await checkPlaces(
      runs.map((path) => ({ flag: 'RUNS', path, is: 'results' })),
      [{ flag: '-o', path: out }],
      outputs,
    )
    const results = await collectResults(runs)
    if (markdown) return { json: results, text: reportMarkdown(results).trimEnd() }
    if (out !== undefined) await writeReport(out, results, call)
    return { json: { benchmarks: results, report: out }, text: `Report: ${out ?? ''}` }
  },
})
