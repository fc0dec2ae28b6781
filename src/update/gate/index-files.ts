export {
  type GateInputs,
  type GateSources,
  type LoadedSides,
  loadGate,
  loadGateModels,
  type NearestNew,
} from './gate-files.ts'
export { comparesTexts, loadTextGate, type TextGateInputs } from './text-gate-files.ts'
