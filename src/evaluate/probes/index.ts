export { type AnswerProbesOptions, answerProbes } from './answer-probes.ts'
export type { ChoiceAnswer, ProbeAnswer, WrittenAnswer } from './probe-answers.ts'
export {
  type ProbePredictionsOptions,
  type ProbeScores,
  probePredictions,
  probeScores,
  type ShareRight,
} from './probe-scores.ts'
