export { partsOfArrays } from './arrays.ts'
export {
  csvHeader,
  csvOptions,
  csvProblem,
  csvTable,
  type ParsedRecord,
  type Record,
  recordOf,
} from './csv.ts'
export { idxDataset, parseIdx } from './idx.ts'
export { jsonTable, type Line } from './jsonl.ts'
export {
  indexById,
  locatePrediction,
  type Prediction,
  type PredictionSet,
  parsePredictionCsv,
  parsePredictionLines,
  probabilityOf,
} from './predictions.ts'
export {
  findColumn,
  guessColumn,
  isList,
  numberOf,
  type Table,
  type TableOptions,
  wrongCell,
} from './table.ts'
