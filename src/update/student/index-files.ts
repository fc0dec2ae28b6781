export { judgeStudent } from './judge-student-files.ts'
