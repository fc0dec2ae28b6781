export {
  type TextAnswers,
  type TextChoice,
  type TextPack,
  textPackVersion,
} from './text-pack.ts'
