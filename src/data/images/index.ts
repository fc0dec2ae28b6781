export { holdfastSchema, type ImageSpec, type InputFacts, type InputSpec, inputSpec } from './input-spec.ts'
