export { type AnswersAsked, teacherAnswers, teacherLogits } from './answers.ts'
export { placed, refuseOtherClasses, type Teacher } from './teacher.ts'
export { refuseOtherTokens } from './vocabulary.ts'
