export { type AnswersAsked, teacherAnswers, teacherLogits } from './answers.ts'
export { logitsOf, placed, placedTokens, refuseOtherClasses, type Teacher } from './teacher.ts'
export { paddingNotes, refuseOtherTokens, sharedLogits } from './vocabulary.ts'
