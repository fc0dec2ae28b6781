import { placesOf, preview } from '../../data/names/index.ts'
import { UsageError } from '../../errors.ts'
import type { Model } from '../../model/model.ts'
import { range } from '../../tasks/stream.ts'
import { type LogitsOf, sharedLogits } from './vocabulary.ts'

/** A model that is taught from. */
export interface Teacher {
  /** What messages call it: its file. */
  readonly name: string
  readonly model: Model
}

/** A language model that teaches, by how many logits it gives. */
export const logitsOf = ({ name, model }: Teacher): LogitsOf => ({ name, logits: model.classes.length })

/** A teacher, and where in its logits the classes of the student stand. */
export interface PlacedTeacher extends Teacher {
  /** Its unit for each unit of the student. */
  readonly units: readonly number[]
}

/**
 * Teachers with their units in the order of the student's classes, matched by name.
 *
 * @param student The student's name in messages, and its classes.
 * @throws UsageError `distil-classes` where the lists differ, naming what one side lacks.
 */
export function placed(
  teachers: readonly Teacher[],
  student: { readonly name: string; readonly classes: readonly string[] },
): readonly PlacedTeacher[] {
  return teachers.map((teacher) => {
    refuseOtherClasses({ name: teacher.name, classes: teacher.model.classes }, student)
    return { ...teacher, units: placesOf(student.classes, teacher.model.classes) }
  })
}

/**
 * Teachers of texts with the tokens that all of them and the student know, by the same numbers: what logits stand behind them are padding, which
 * nobody reads (see `paddingNotes`).
 *
 * @param student How many logits the student gives.
 */
export function placedTokens(teachers: readonly Teacher[], student: number): readonly PlacedTeacher[] {
  const units = range(0, sharedLogits([{ logits: student }, ...teachers.map(logitsOf)]))
  return teachers.map((teacher) => ({ ...teacher, units }))
}

interface Named {
  readonly name: string
  readonly classes: readonly string[]
}

/** @throws UsageError `distil-classes` where two lists are not of the same names. */
export function refuseOtherClasses(first: Named, second: Named): void {
  const alone = (one: Named, other: Named) => {
    const there = new Set(other.classes)
    const lacking = one.classes.filter((name) => !there.has(name))
    return lacking.length > 0 ? [`${preview(lacking)} only in ${one.name}`] : []
  }
  const differences = [...alone(first, second), ...alone(second, first)]
  if (differences.length === 0) return
  throw new UsageError(
    'distil-classes',
    `${first.name} has ${first.classes.length} classes and ${second.name} ${second.classes.length}, and they are not the same: ${differences.join('; ')}. Teachers and student need the same classes, in any order: correct the labels.txt beside one, or give the student a new head with the teacher's classes: --head replace.`,
  )
}
