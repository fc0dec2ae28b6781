export {
  adapterInputForms,
  checkAdapterInputs,
  type WithAdapterInputs,
  withAdapter,
  withAdapterInputs,
} from './adapter-inputs.ts'
export { foldedConvs } from './folded-convs.ts'
export { followNorms } from './follow-norms.ts'
export { layerGroups } from './layer-groups.ts'
export { type LoraModel, type LoraOptions, withLora } from './lora.ts'
export { type Adapter, packedPlaces } from './lora-places.ts'
export { mergeLora } from './merge-lora.ts'
export { type ChannelStatistics, foldNorms, withNorms } from './norms.ts'
export { withPackedUpdates } from './packed-updates.ts'
export { rankNotes } from './rank-notes.ts'
export { parseSelection, type Selection, selectParameters, trainOnly } from './select.ts'
