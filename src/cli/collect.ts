import { z } from 'zod'
import { UsageError } from '../errors.ts'
import { type Collected, collectStore } from '../study/grid/index-files.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import { benchText, reportLine } from './bench-text.ts'
import { differences } from './collect-differences.ts'
import { group, path } from './flags/index.ts'
import { checkPlaces } from './places.ts'
import { reportFlag } from './shared-flags.ts'
import { defineVerb } from './verb.ts'
import { writeReport } from './write-report.ts'

const settings = z.object({
  stores: z.array(z.string()).min(1).meta({
    argument: true,
    description: 'Folders that bench was told with --store or --out',
    hint: 'DIR',
  }),
  ...group('Output', {
    out: path('FILE.json')
      .optional()
      .meta({ description: 'Write what bench --json prints there, of one benchmark', alias: 'o' }),
  }),
  ...reportFlag,
})

/** `holdfast collect`: a benchmark's result from runs that were done anywhere. */
export const collect = defineVerb({
  name: 'collect',
  examples: ['holdfast collect /shared/runs --report report.html'],
  settings,
  run: async ({ stores, out, report }, call, outputs) => {
    await checkPlaces(
      stores.map((store) => ({ flag: 'DIR', path: store, is: 'store' })),
      [
        { flag: '--out', path: out },
        { flag: '--report', path: report },
      ],
      outputs,
    )
    const found = (await Promise.all(stores.map(collectStore))).flat()
    const benches = found.flatMap(({ bench }) => (bench.results.length > 0 ? [bench] : []))
    const [bench] = benches
    if (out !== undefined) {
      if (!bench || benches.length > 1) throw notOne(out, benches.length)
      await writeWhole(out, `${JSON.stringify(bench, null, 2)}\n`)
    }
    if (report !== undefined && bench) await writeReport(report, benches, call)
    const told = differences(found)
    const whole = found.every(({ failures, unfinished }) => failures.length + unfinished.length === 0)
    return {
      json: {
        benchmarks: found.map(({ bench: each, ...rest }) => ({ ...each, ...rest })),
        report: bench && report,
        out,
      },
      text: [
        ...found.flatMap((each, at) => [...told.slice(at, at + 1), ...lines(each), '']),
        ...(out === undefined ? [] : [`Result: ${out}`]),
        ...reportLine(report, bench),
      ]
        .join('\n')
        .trimEnd(),
      exitCode: whole ? 0 : 1,
    }
  },
})

const notOne = (out: string, found: number): UsageError =>
  new UsageError(
    'results-several',
    `--out ${out} takes the result of one benchmark, and ${found === 0 ? 'no run is finished' : `there are ${found}`}. ${found === 0 ? 'Collect again when some are.' : 'Leave it out and take --json, or --report for a page with all of them.'}`,
  )

const lines = ({ bench, processors }: Collected): string[] => [
  benchText(bench),
  ...(processors.length < 2
    ? []
    : ['', `Measured on ${processors.length} kinds of processors: ${processors.join('; ')}.`]),
]
