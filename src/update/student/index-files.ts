export { judgeStudent, studentIn } from './judge-student-files.ts'
