export { type Alignment, type AlignOptions, alignLabels } from './align.ts'
export {
  arePlaceholders,
  byCodePoint,
  numbered,
  preview,
  sorted,
} from './class-name.ts'
export { refuseRepeated } from './distinct.ts'
export { classesFromMetadata, classesToMetadata } from './label-metadata.ts'
export { type LabelText, readLabelText } from './label-texts.ts'
export { collectClasses, encodeLabels, type RawLabels } from './labels.ts'
export { type MatchOptions, matchClasses } from './match.ts'
export { placesOf } from './places.ts'
export { spellingKey } from './spelling.ts'
