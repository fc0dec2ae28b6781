import { isAbsolute, relative, resolve } from 'node:path'
import { count } from '../count.ts'
import { type Dataset, documentCount, samples } from '../data/dataset.ts'
import { defaultConfidence } from '../measure/confidence.ts'
import { studentPage, studentText } from '../report/index.ts'
import { itemAt } from '../required.ts'
import { writeWhole } from '../tensor/whole-files.ts'
import type { RunPlan } from '../train/plan/index.ts'
import type { LoadedPlan } from '../train/plan/index-files.ts'
import { judgeStudent } from '../update/student/index-files.ts'
import { type FollowedRun, outcomeOf } from './follow-run.ts'
import { runAnswer } from './run-text.ts'
import type { TrackingSettings } from './tracking.ts'
import { type Answer, type Call, verdictCodes } from './verb.ts'

/** Trains a student in its run's folder, or goes on there, and holds it against its teachers. */
export async function followStudent(
  call: Call,
  asked: TrackingSettings & { readonly report?: string | undefined },
  loaded: LoadedPlan,
  run: FollowedRun,
): Promise<Answer> {
  const { outcome, prepared } = await outcomeOf(call, asked, loaded, run)
  const { distil } = loaded.plan
  const { dataset } = prepared.stream
  if (outcome.status === 'interrupted' || !distil) {
    return runAnswer(
      outcome,
      prepared.stream.tasks.map(({ name }) => name),
      dataset,
    )
  }
  const heldOut = itemAt(prepared.stream.tasks, 0, 'task').test
  call.screen.say(`Judging on ${heldOutWords(heldOut)} held out.`)
  const result = await judgeStudent({
    ...{ engine: run.engine, run: run.folder, teachers: distil.teachers, heldOut },
    judgedBy: judgedBy(loaded.plan),
    maxDrop: distil.maxDrop,
    confidence: defaultConfidence,
    nameOf: fromHere,
  })
  const written = asked.report === undefined ? [] : [asked.report]
  if (asked.report !== undefined) {
    await writeWhole(asked.report, studentPage(result, { command: call.command }))
  }
  const { parametersSha256 } = outcome
  return {
    json: { ...result, run: run.folder, parametersSha256, dataset, notes: loaded.notes },
    text: [
      studentText(result),
      '',
      `Student: ${result.student.name} (the run: ${run.folder})`,
      ...written.map((file) => `Written: ${file}`),
    ].join('\n'),
    exitCode: verdictCodes[result.verdict],
  }
}

/** A path as it is named from the working folder, where it lies in there: a plan has them whole. */
function fromHere(path: string): string {
  const way = relative(process.cwd(), resolve(path))
  return way.startsWith('..') || isAbsolute(way) ? path : way
}

/** Texts are judged by documents, which may be several rows. */
function heldOutWords(rows: Dataset): string {
  const documents = documentCount(rows)
  return documents === undefined ? count(samples(rows), 'row') : count(documents, 'document')
}

function judgedBy({ distil, loss }: RunPlan) {
  if (loss === 'causal-lm') return 'texts'
  return distil?.labelled ? 'labels' : 'teacher'
}
