export type { StudentResult } from './student.ts'
