export { encodedInTime } from './in-time-node.ts'
