import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../../errors.ts'
import type { BenchResult } from '../../measure/results.ts'
import { foundAt, readUtf8 } from '../../tensor/reads-files.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import type { RunName } from '../../train/folders/index-files.ts'
import type { RunPlan } from '../../train/plan/index.ts'

const fileName = /^grid-[0-9a-f]{16}\.json$/

/** Whether a file of this name lists the runs of a benchmark. */
export const isGridFile = (name: string): boolean => fileName.test(name)

const settingsOfTrial = z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
const tuningSchema = z.object({
  method: z.string(),
  scenario: z.enum(['task', 'domain', 'class']),
  seed: z.number(),
  validationShare: z.number(),
  trials: z.array(z.object({ settings: settingsOfTrial, steps: z.number(), score: z.number().nullable() })),
  chosen: settingsOfTrial,
})

const gridSchema = z.object({
  format: z.literal('holdfast-grid'),
  version: z.literal(1),
  /** What is common to the runs: a `BenchResult` without machine, results and summary. */
  bench: z.object({
    schema: z.literal(1),
    benchmark: z.string(),
    protocol: z
      .object({
        name: z.string(),
        version: z.number(),
        sha256: z.string(),
        changed: z.array(z.string()).readonly().optional(),
      })
      .optional(),
    dataset: z.object({ name: z.string(), synthetic: z.boolean() }),
    tasks: z.array(z.string()),
    settings: z.record(z.string(), z.unknown()),
    tuning: z.array(tuningSchema).optional(),
  }),
  /** Of what computes: holdfast, node, onnxruntime and `code`. */
  versions: z.record(z.string(), z.string()).optional(),
  runs: z.array(
    z.object({
      name: z.string().regex(/^[\w.+-]+$/),
      identity: z.string(),
      method: z.string(),
      scenario: z.enum(['task', 'domain', 'class']),
      seed: z.number(),
    }),
  ),
})

/** Which runs a benchmark is made of, as a store keeps it: enough to collect them, and to know which are missing. */
export type Grid = z.output<typeof gridSchema>
/** One of its runs, with the folder's name. */
export type GridRun = Grid['runs'][number]

/** @param bench of these plans; its results and its machine are left out */
export function gridOf(
  plans: readonly RunPlan[],
  names: readonly RunName[],
  { machine: _machine, results: _results, summary: _summary, ...bench }: BenchResult,
  versions?: Grid['versions'],
): Grid {
  const runs = plans.flatMap(({ method, stream, seed }, at) => {
    const name = names[at]
    return name ? [{ ...name, method: method.name, scenario: stream.scenario, seed }] : []
  })
  return {
    format: 'holdfast-grid',
    version: 1,
    bench: {
      ...{ ...bench, tasks: [...bench.tasks], settings: { ...bench.settings } },
      tuning: bench.tuning?.map((each) => ({ ...each, trials: [...each.trials] })),
    },
    versions,
    runs,
  }
}

/** Writes the list into a store; the same runs in the same order are the same file, whoever writes it. */
export async function writeGrid(store: string, grid: Grid): Promise<void> {
  const text = `${JSON.stringify(grid, null, 2)}\n`
  const digits = createHash('sha256')
    .update(JSON.stringify(grid.runs.map(({ identity }) => identity)))
    .digest('hex')
  const file = join(store, `grid-${digits.slice(0, 16)}.json`)
  if (!(await foundAt(file))) await writeWhole(file, text)
}

/** The lists in a store that are no part of another one there. */
export async function readGrids(store: string, names: readonly string[]): Promise<Grid[]> {
  const grids = await Promise.all(
    names
      .filter(isGridFile)
      .sort()
      .map((name) => readGrid(join(store, name))),
  )
  const sets = grids.map(({ runs }) => new Set(runs.map(({ identity }) => identity)))
  const isWithin = (inner: number, outer: number) => {
    const [few, many] = [sets[inner], sets[outer]]
    if (!few || !many || inner === outer || few.size > many.size) return false
    // Of two lists of the same runs in another order the first counts.
    return few.size === many.size && inner < outer ? false : [...few].every((each) => many.has(each))
  }
  return grids.filter((_, inner) => !grids.some((_, outer) => isWithin(inner, outer)))
}

async function readGrid(file: string): Promise<Grid> {
  const fault = { kind: CheckpointError, code: 'grid-damaged' }
  const text = await readUtf8(file, fault)
  try {
    return gridSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new CheckpointError(
      'grid-damaged',
      `${file} is damaged: it is no list of the runs of a benchmark. Remove it; the command that began the benchmark writes it anew.`,
      { cause },
    )
  }
}
