export { bench as quickstart } from './bench.ts'
