/** What tables and sentences call the two models of a comparison. */
export interface SideWords {
  /** Heads of columns. */
  readonly heads: readonly [first: string, second: string]
  /** Behind what is told of each, as in "right before and wrong after". */
  readonly behind: readonly [first: string, second: string]
}

export const beforeAndAfter: SideWords = { heads: ['before', 'after'], behind: ['before', 'after'] }

export const teacherAndStudent: SideWords = {
  heads: ['teacher', 'student'],
  behind: ['by the teacher', 'by the student'],
}
