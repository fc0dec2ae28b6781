export { layerGroups } from './layer-groups.ts'
export { type Adapter, type LoraModel, type LoraOptions, withLora } from './lora.ts'
export { mergeLora } from './merge-lora.ts'
export { parseSelection, type Selection, selectParameters, trainOnly } from './select.ts'
