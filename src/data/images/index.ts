export { imageFindings } from './findings.ts'
export { isImageName } from './image-names.ts'
export { type ImageSpec, type InputFacts, type InputSpec, inputSpec } from './input-spec.ts'
