export {
  type GateInputs,
  type GateSources,
  loadGate,
  loadGateModels,
  type NearestNew,
} from './gate-files.ts'
export { comparesTexts, loadTextGate, type TextGateInputs } from './text-gate-files.ts'
