export { averaged } from './average.ts'
export { openReplica, type Replica } from './replica.ts'
export { replicatedTask } from './replicated-task.ts'
export type { Delivery, DoRound, Round, RoundEnd } from './round.ts'
