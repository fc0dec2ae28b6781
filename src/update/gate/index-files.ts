export {
  type GateInputs,
  type GateSources,
  type KnownData,
  loadGate,
  loadGateModels,
  type NearestNew,
} from './gate-files.ts'
export { type LanguageGateInputs, loadLanguageGate } from './language-gate-files.ts'
export { type LanguageKinds, languageKinds } from './language-kinds-files.ts'
