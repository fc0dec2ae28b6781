export {
  type LoadedCurve,
  loadCurve,
  loadCurveModels,
  loadTextCurve,
  savePoint,
} from './curve-files.ts'
