export { localRounds } from './local-rounds.ts'
export type { EndOf, Job, JobEvent } from './messages.ts'
export { isWorker, serveWorker } from './serve-node.ts'
export { openWorkers, type Workers } from './workers-node.ts'
