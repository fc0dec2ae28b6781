export { type LoadedCurve, loadCurve, savePoint } from './curve-files.ts'
