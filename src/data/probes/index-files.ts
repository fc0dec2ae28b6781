export { type ProbeReading, readProbes } from './read-probes-files.ts'
export { type Prompt, readPrompts } from './read-prompts-files.ts'
