export { type Alignment, type AlignOptions, alignLabels } from './align.ts'
export { byCodePoint, collectClasses, encodeLabels, preview, type RawLabels, sorted } from './labels.ts'
export { spellingKey } from './spelling.ts'
