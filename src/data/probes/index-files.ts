export { type ProbeReading, readProbes } from './read-probes-files.ts'
