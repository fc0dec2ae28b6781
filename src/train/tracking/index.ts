export { learnMeasurements, textMeasurements, updateMeasurements } from './measurements.ts'
export { type MlflowOptions, mlflow } from './mlflow.ts'
export { flatSettings } from './settings.ts'
export { type Measurement, type TrackedEnd, type Tracker, track, trackers } from './tracker.ts'
