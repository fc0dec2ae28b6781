import { dirname, join } from 'node:path'
import { readingDifference } from '../../data/reading-difference-files.ts'
import { readingFor } from '../../data/reading-files.ts'
import type { TextTokenizer } from '../../data/text/index.ts'
import { DataError, ModelError, UsageError } from '../../errors.ts'
import { answersTokens } from '../../evaluate/generate/index.ts'
import { topTokensNotes } from '../../evaluate/index.ts'
import { type LoadedModel, loadModel, modelFolder, readingFileNames } from '../../model/import/index-files.ts'
import { vocabularyOf, withTokenClasses } from '../../model/language.ts'
import { itemAt } from '../../required.ts'
import { foundAt, readUtf8 } from '../../tensor/reads-files.ts'
import {
  logitsOf,
  paddingNotes,
  refuseOtherClasses,
  refuseOtherTokens,
  sharedLogits,
  type Teacher,
} from '../teach/index.ts'
import type { RunPlan } from './plan.ts'

/** The teachers of a plan, from their files. */
export interface LoadedTeachers {
  readonly teachers: readonly Teacher[]
  readonly files: readonly LoadedModel['file'][]
  readonly notes: readonly string[]
}

/** @throws ModelError `labels-missing` for a teacher whose classes have no names; UsageError `distil-teachers`; and what loading throws. */
export async function loadTeachers({ distil, loss }: RunPlan): Promise<LoadedTeachers | undefined> {
  if (!distil) return undefined
  const loaded: LoadedModel[] = []
  for (const path of distil.teachers) loaded.push(await loadModel(path))
  const texts = loss === 'causal-lm'
  const teachers = loaded.map(
    ({ model, file }): Teacher => ({
      name: file.path,
      model: texts ? withTokenClasses(model) : model,
    }),
  )
  for (const [at, { name, model }] of teachers.entries()) {
    if (answersTokens(itemAt(loaded, at, 'teacher').model) !== texts)
      throw otherKind(name, texts, at === 0 ? 'the student' : itemAt(teachers, 0, 'teacher').name)
    if (model.classes.length === 0) {
      throw new ModelError(
        'labels-missing',
        `${name}: the file does not say which classes its outputs are. Put a labels.txt beside it, one class a line.`,
      )
    }
  }
  if (distil.featureWeight > 0 && teachers.length > 1) {
    throw new UsageError(
      'distil-features',
      `Features are those of one teacher, and ${teachers.length} are given. Leave out --features, or give one.`,
    )
  }
  const [first, ...others] = teachers
  for (const other of others) {
    // Of language models their logits may be padded, and tokens are compared.
    if (first && !texts) refuseOtherClasses(named(first), named(other))
  }
  return { teachers, files: loaded.map(({ file }) => file), notes: loaded.flatMap(({ notes }) => notes) }
}

const named = ({ name, model }: Teacher) => ({ name, classes: model.classes })

/** @param other What is a language model where this one is none, or the reverse. */
const otherKind = (name: string, texts: boolean, other: string): UsageError =>
  new UsageError(
    'distil-teachers',
    texts
      ? `${name} is no causal language model, and ${other} is one. Give teachers and student of one kind.`
      : `${name} is a language model, which answers with a token for each place, and ${other} is a classifier. Give teachers and student of one kind.`,
  )

/**
 * Holds a student's file to what its teachers are.
 *
 * @throws UsageError `distil-teachers` for a language model beside one that is none, `distil-same` for a student that is a teacher, `distil-tokenizer` where tokens differ, `distil-reading` where files
 * beside the models say that they read rows differently.
 */
export async function checkStudent(
  { teachers, files }: LoadedTeachers,
  student: Pick<LoadedModel, 'model' | 'file'>,
  { data: asked, loss }: Pick<RunPlan, 'data' | 'loss'>,
): Promise<void> {
  const texts = loss === 'causal-lm'
  if (answersTokens(student.model) !== texts)
    throw otherKind(student.file.path, texts, itemAt(teachers, 0, 'teacher').name)
  const own = { path: student.file.path, input: student.model.input }
  for (const [at, { name, model }] of teachers.entries()) {
    if (Buffer.from(itemAt(files, at, 'file').bytes).equals(Buffer.from(student.file.bytes))) {
      throw new UsageError(
        'distil-same',
        `${student.file.path} is the teacher ${name} itself, byte by byte: there is nothing to learn from it. Name a smaller model with --into.`,
      )
    }
    const theirs = { path: name, input: model.input }
    const [first, second] = [await readingFor(theirs, asked), await readingFor(own, asked)]
    if (first.tokenizerJson !== undefined && second.tokenizerJson !== undefined) {
      refuseOtherTokens(
        { name, json: first.tokenizerJson },
        { name: student.file.path, json: second.tokenizerJson },
      )
      continue
    }
    const [difference] = await readingDifference(theirs, own, { reading: asked })
    if (difference === undefined) continue
    throw new UsageError(
      'distil-reading',
      `${difference.replace(/^warning: /, '').replace(/ If the one is.*$/, '')} Teacher and student have to see the same rows: put the files that lie beside the teacher beside the student.`,
    )
  }
}

/**
 * What is to be said of how many tokens language models give logits for, and are taught.
 *
 * @param tokenizer That of all of them.
 * @throws UsageError `distil-classes` where one of them does not know all of its tokens.
 */
export function taughtTokensNotes(
  { method }: RunPlan,
  { teachers }: LoadedTeachers,
  { model, file }: Pick<LoadedModel, 'model' | 'file'>,
  tokenizer: TextTokenizer,
): readonly string[] {
  const sides = teachers.map(logitsOf)
  const student = { name: file.path, logits: vocabularyOf(model) }
  return [
    ...paddingNotes(sides, student, tokenizer.size),
    ...topTokensNotes(Number(method.options?.topTokens ?? 0), sharedLogits([...sides, student])),
  ]
}

/** Files beside a teacher that say how rows are made into its input, for a student that is built anew. */
export async function besideTeacher({ files }: LoadedTeachers): Promise<ReadonlyMap<string, string>> {
  const { path } = itemAt(files, 0, 'teacher')
  const found = new Map<string, string>()
  for (const name of readingFileNames) {
    for (const folder of new Set([dirname(path), modelFolder(path)])) {
      const file = join(folder, name)
      if (found.has(name) || !(await foundAt(file))) continue
      found.set(
        name,
        await readUtf8(file, { kind: DataError, code: 'file-unreadable', way: 'Mend it or take it away.' }),
      )
    }
  }
  return found
}
