import { join } from 'node:path'
import type { Dataset } from '../../data/dataset.ts'
import type { Engine } from '../../engine/engine.ts'
import { textFigures } from '../../evaluate/index.ts'
import { meanRowLosses } from '../../evaluate/mean-tokens.ts'
import { figuresFrom } from '../../evaluate/text-figures.ts'
import { type LoadedModel, loadModel } from '../../model/import/index-files.ts'
import { withTokenClasses } from '../../model/language.ts'
import { parameterCount } from '../../model/model.ts'
import { itemAt } from '../../required.ts'
import { isFolder } from '../../train/folders/index-files.ts'
import { placed, teacherLogits } from '../../train/teach/index.ts'
import { copiedDocuments } from '../copied-documents.ts'
import {
  gate,
  gateLanguage,
  gateTexts,
  logitsFor,
  predictionsFrom,
  type TextScores,
  textScores,
} from '../gate/index.ts'
import { agreementOf, type StudentResult } from './student.ts'

export interface StudentSources {
  readonly engine: Engine
  /** The folder of the finished run. */
  readonly run: string
  /** Paths of models. */
  readonly teachers: readonly string[]
  /** As they are normalised, under the student's classes. */
  readonly heldOut: Dataset
  readonly judgedBy: StudentResult['judgedBy']
  /** What the student may be worse by: a share of accuracy, or of bits per byte. */
  readonly maxDrop: number
  readonly confidence: number
  /** What files, and documents in them, are called. Default by their paths as they are. */
  readonly nameOf?: ((path: string) => string) | undefined
}

/**
 * Holds a student, as its file in the folder of a run gives it back, against its teachers on rows held out.
 *
 * @throws What loading models, `gate` and `gateTexts` throw.
 */
export async function judgeStudent(sources: StudentSources): Promise<StudentResult> {
  const { run, judgedBy, nameOf = (path) => path } = sources
  const student = await loadModel(await studentIn(run))
  const teachers: LoadedModel[] = []
  for (const path of sources.teachers) teachers.push(await loadModel(path))
  const sides = { teachers, student, name: sources.teachers.map(nameOf).join(' and ') }
  const judged = judgedBy === 'texts' ? await onTexts(sources, sides) : await onRows(sources, sides)
  return {
    schema: 'holdfast.distil/1',
    verdict: judged.gate.verdict,
    judgedBy,
    agreement: judged.agreement,
    teacher: {
      name: sides.name,
      parameters: teachers.reduce((sum, { model }) => sum + parameterCount(model), 0),
    },
    student: { name: student.file.path, parameters: parameterCount(student.model) },
    gate: judged.gate,
  }
}

/** What a run with a model left: its folder where files belong beside it. */
async function studentIn(run: string): Promise<string> {
  const folder = join(run, 'model')
  return (await isFolder(folder)) ? folder : join(run, 'model.onnx')
}

interface Sides {
  readonly teachers: readonly LoadedModel[]
  readonly student: LoadedModel
  /** What the teachers are called together. */
  readonly name: string
}

type Judged = Pick<StudentResult, 'agreement' | 'gate'>

async function onRows(
  { engine, heldOut, maxDrop, confidence }: StudentSources,
  { teachers, student, name }: Sides,
): Promise<Judged> {
  const { classes } = heldOut
  const own = { name: student.file.path, model: student.model }
  const known = placed(
    teachers.map(({ model, file }) => ({ model, name: file.path })),
    { name: own.name, classes },
  )
  const taught = { name, model: { ...itemAt(teachers, 0, 'teacher').model, classes } }
  const baseline = predictionsFrom(taught, await teacherLogits(engine, known, heldOut, 1), heldOut, classes)
  const candidate = predictionsFrom(own, await logitsFor(engine, own, heldOut), heldOut, classes)
  return {
    agreement: agreementOf(baseline, candidate),
    gate: gate(baseline, candidate, { maxDrop, confidence }),
  }
}

async function onTexts(
  { engine, heldOut, maxDrop, confidence, nameOf }: StudentSources,
  { teachers, student, name }: Sides,
): Promise<Judged> {
  const how = { nameOf, copies: copiedDocuments(heldOut) }
  const together = async (): Promise<TextScores> => {
    const models = teachers.map(({ model }) => withTokenClasses(model))
    const losses = await meanRowLosses(engine, models, heldOut)
    return textScores(name, figuresFrom(losses, heldOut, name).documents, how)
  }
  const scores = async ({ model, file: { path } }: LoadedModel): Promise<TextScores> => {
    const { documents } = await textFigures(engine, withTokenClasses(model), heldOut, path)
    return textScores(nameOf?.(path) ?? path, documents, how)
  }
  const [only] = teachers
  const baseline = only && teachers.length === 1 ? await scores(only) : await together()
  const candidate = await scores(student)
  const texts = gateTexts(baseline, candidate, { unit: 'relative', budget: maxDrop, confidence })
  return { agreement: null, gate: gateLanguage({ texts }) }
}
