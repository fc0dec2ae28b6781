export type { Device, Engine, EngineOptions, Executable } from './engine.ts'
export { interruptible } from './interruptible.ts'
export { type Loadable, loadable } from './loadable.ts'
export { copyTensor, loadProgram, type Program, type StateSlot } from './program.ts'
