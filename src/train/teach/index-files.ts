export { keptAnswers } from './answers-files.ts'
