import { writeFile } from 'node:fs/promises'
import { UsageError } from '../errors.ts'
import { reportMarkdown } from '../report/markdown.ts'
import { reportHtml } from '../report/page.ts'
import { collectResults } from '../study/grid/index-files.ts'
import type { Verb } from './verb.ts'

/** `holdfast report`: results as a page, as Markdown or as JSON. */
export const report: Verb = {
  name: 'report',
  summary: 'One self-contained HTML page from runs and benchmarks',
  examples: [
    'holdfast report runs/2026-11-23T22-41-05-split-mnist -o report.html',
    'holdfast report results.json --markdown',
  ],
  args: {
    runs: {
      type: 'positional',
      description: 'run folders, or files with what bench --json printed',
      required: true,
    },
    out: {
      type: 'string',
      alias: 'o',
      description: 'Where the page goes (default report.html)',
      valueHint: 'FILE.html',
    },
    markdown: { type: 'boolean', description: 'Print Markdown instead of writing a page' },
  },
  positionals: Number.POSITIVE_INFINITY,
  run: async (call) => {
    const results = await collectResults(call.positionals)
    if (call.on('markdown') && call.on('json')) {
      throw new UsageError('flag-value', '--markdown and --json exclude each other; leave one out.')
    }
    if (call.on('markdown')) return { json: results, text: reportMarkdown(results).trimEnd() }
    const asked = call.text('out')
    const out = asked ?? (call.on('json') ? undefined : 'report.html')
    if (out !== undefined) {
      const created = new Date().toISOString().slice(0, 10)
      await writeFile(out, reportHtml(results, { command: call.command, created }))
    }
    return {
      json: { benchmarks: results, ...(out === undefined ? {} : { report: out }) },
      text: `Report: ${out ?? ''}`,
    }
  },
}
