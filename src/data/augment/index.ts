export { type AugmentColumnName, augmentColumns } from './columns.ts'
export { type AugmentPart, type AugmentRandom, drawAugment } from './draws.ts'
export { checkAugment, type ImageForm, imageForm } from './image.ts'
export {
  type AugmentSpec,
  augmentSchema,
  augmentText,
  mixes,
  parseAugment,
  problemIn,
} from './spec.ts'
