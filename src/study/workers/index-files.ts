export { isWorker, openWorkers, serveWorker, type Workers } from './workers-node.ts'
