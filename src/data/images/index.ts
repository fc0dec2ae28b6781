export { imageFindings } from './findings.ts'
export { flatAdvice } from './flat-images.ts'
export { isImageName } from './image-names.ts'
export { type ImageSpec, type InputFacts, type InputSpec, inputSpec, widthOf } from './input-spec.ts'
