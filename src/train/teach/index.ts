export { type AnswersAsked, teacherAnswers, teacherLogits } from './answers.ts'
export { placed, placedTokens, refuseOtherClasses, type Teacher } from './teacher.ts'
export { paddingNotes, refuseOtherTokens } from './vocabulary.ts'
