export { type GateInputs, type GateSources, loadGate, type NearestNew } from './gate-files.ts'
