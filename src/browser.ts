/** Holdfast where there is no Node: everything but files, the native runtime and the command line. */

export {
  type Prediction,
  type PredictionSet,
  parsePredictionCsv,
  parsePredictionLines,
} from './data/formats/index.ts'
export * from './data/index.ts'
export * from './engine/index.ts'
export * from './errors.ts'
export * from './evaluate/index.ts'
export * from './measure/index.ts'
export * from './methods/index.ts'
export * from './model/index.ts'
export * from './report/index.ts'
export * from './tasks/index.ts'
export * from './tensor/index.ts'
export * from './train/index.ts'
export * from './update/index.ts'
