import { join } from 'node:path'
import { count } from '../count.ts'
import { compareMethods } from '../measure/compare-methods.ts'
import type { BenchOutcome, Shard } from '../study/grid/index.ts'
import { benchText, missingText, reportLine } from './bench-text.ts'
import { holdsRuns } from './run-folders.ts'
import type { Answer, Call } from './verb.ts'
import { writeReport } from './write-report.ts'

/** What is answered where trials were stopped. */
export const stoppedTuning = (store: string | undefined): Answer => ({
  json: { unfinished: 'tuning', store },
  text: `Stopped while settings were being chosen. ${store === undefined ? 'Nothing was kept (--no-save).' : `Go on with the same command; the trials are in ${store}`}`,
  exitCode: 1,
})

interface Asked {
  readonly report?: string | undefined
  readonly shard?: Shard | undefined
  readonly queue?: string | undefined
}

/** What a benchmark answers; its page is written where one is asked for. */
export async function benchAnswer(
  { report, shard, queue }: Asked,
  call: Call,
  { bench: found, failures: failed, unfinished }: BenchOutcome,
  { store, out }: { readonly store: string | undefined; readonly out: string | undefined },
): Promise<Answer> {
  if (report !== undefined && found.results.length > 0) {
    await writeReport(report, found, call)
  }
  const failures = failed.map(({ plan, error }) => ({
    method: plan.method.name,
    scenario: plan.stream.scenario,
    seed: plan.seed,
    error: { code: error.code, message: error.message },
  }))
  const goOn =
    queue !== undefined
      ? `${count(unfinished, 'run')} did not finish. They stay in the queue, and workers go on with them; the same command shows how they come on.`
      : store === undefined
        ? `${count(unfinished, 'run')} did not finish, and nothing was kept (--no-save).`
        : `${count(unfinished, 'run')} did not finish. Go on with the same command; ${(await holdsRuns(store)) ? `the runs are in ${store}` : `none had come to a checkpoint, so that they begin anew`}`
  return {
    json: {
      ...found,
      comparison: compareMethods(found.results),
      failures: failures.length > 0 ? failures : undefined,
      unfinished: unfinished > 0 ? unfinished : undefined,
      shard: shard && `${shard.part}/${shard.of}`,
      folder: out,
      store,
    },
    text: [
      // A table of some runs says little, and its headline may say what is not so.
      shard === undefined
        ? benchText(found)
        : `Part ${shard.part} of ${shard.of}: ${count(found.results.length, 'run')} finished.`,
      ...(shard === undefined ? [] : missingText(found)),
      ...(out === undefined || unfinished > 0 ? [] : [`Result: ${join(out, 'bench.json')}`]),
      ...(store === undefined ? [] : [`Runs: ${store}`]),
      ...(shard === undefined ? [] : [`When all parts are done: holdfast collect ${store}`]),
      ...reportLine(report, found.results.length > 0 ? found : undefined),
      ...(unfinished === 0 ? [] : [goOn]),
    ].join('\n'),
    exitCode: failures.length > 0 || unfinished > 0 ? 1 : 0,
  }
}
