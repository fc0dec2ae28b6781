export { partsOfArrays } from './arrays.ts'
export {
  type CsvRows,
  csvHeader,
  csvOptions,
  csvProblem,
  csvRows,
  csvTable,
  type ParsedRecord,
  type Record,
  readCsv,
  recordOf,
} from './csv.ts'
export { type CsvDialect, findDialect } from './csv-dialect.ts'
export { decodeText } from './decode.ts'
export { idxDataset, idxLength, parseIdx } from './idx.ts'
export { type JsonRow, jsonFields, jsonList, jsonRow, jsonTable } from './jsonl.ts'
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
  columnsShown,
  findColumn,
  findColumns,
  guessColumn,
  isList,
  numberOf,
  type Table,
  type TableOptions,
  wrongCell,
} from './table.ts'
