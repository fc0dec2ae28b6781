export type {
  Device,
  Engine,
  EngineOptions,
  Executable,
  LoadOptions,
  Program,
  ProgramRequest,
  StateSlot,
} from './engine.ts'
export { devices, insteadOfDevices } from './engine.ts'
export { interruptible } from './interruptible.ts'
export { type Loadable, loadable } from './loadable.ts'
export { copyTensor, loadProgram } from './program.ts'
