export { withActivations } from './activations.ts'
export { keptBlocked } from './kept-blocked.ts'
