import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import { rowsFor } from '../../evaluate/other-kind-files.ts'
import type { LoadedModel } from '../../model/import/index-files.ts'
import { itemAt } from '../../required.ts'
import { placed, placedTokens, teacherAnswers } from '../teach/index.ts'
import { keptAnswers } from '../teach/index-files.ts'
import type { LoadedTeachers } from './distil-files.ts'
import type { LoadPlanOptions } from './load-options.ts'
import type { RunPlan } from './plan.ts'
import type { Lessons, TrainTest } from './prepare.ts'

/** Whose files say how rows are made: those of the model that trains, or of its teacher where it is built anew. */
export function readerOf(read: LoadedModel | undefined, school: LoadedTeachers | undefined) {
  if (read) return { path: read.file.path, input: read.model.input }
  if (!school) return undefined
  const { name: path, model } = itemAt(school.teachers, 0, 'teacher')
  return { path, input: model.input }
}

/** What it learns from. */
export function wantedBy(read: LoadedModel | undefined, school: LoadedTeachers | undefined) {
  if (read) return rowsFor(read.model, read.file.path)
  if (!school) return undefined
  const { name, model } = itemAt(school.teachers, 0, 'teacher')
  return rowsFor(model, name)
}

/** Which sources have no labels: those of a plan with teachers that says so. */
export function bareSources({ distil }: RunPlan): ReadonlySet<number> {
  if (!distil) return new Set()
  return new Set([...(distil.labelled ? [] : [0]), ...(distil.unlabelled === undefined ? [] : [1])])
}

/** What the teachers of a plan say, asked once when training begins, and kept in the run's folder. */
export function lessonsOf(
  plan: RunPlan,
  { teachers }: LoadedTeachers,
  rows: {
    readonly mine: readonly TrainTest[]
    readonly rest: Dataset | undefined
    readonly dataSha256: string
  },
  options: LoadPlanOptions,
): Lessons {
  const engine = teachingEngine(plan, options)
  const { classes } = itemAt(rows.mine, 0, 'task').train
  const known =
    plan.loss === 'causal-lm'
      ? placedTokens(teachers, classes.length)
      : placed(teachers, { name: 'the student', classes })
  return {
    unlabelled: rows.rest,
    answers: (sources, asked) => {
      const ask = () => teacherAnswers(engine, known, sources, asked)
      const { folder } = options
      return folder === undefined
        ? ask()
        : keptAnswers(folder, sources, JSON.stringify([rows.dataSha256, asked]), ask)
    },
  }
}

/** @throws UsageError `distil-engine` where nothing is named to run teachers on. */
export function teachingEngine(plan: RunPlan, { engine }: Pick<LoadPlanOptions, 'engine'>): Engine {
  if (engine) return engine(plan)
  throw new UsageError(
    'distil-engine',
    'The plan has teachers, but nothing is named to run them on. Give an engine to what loads the plan.',
  )
}
