export type { StudentResult, StudentSide } from './student.ts'
