export { type RoundSpec, roundKey, roundSpecSchema } from './spec.ts'
