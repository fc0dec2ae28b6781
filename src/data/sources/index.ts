export type { Source, Sources } from './source.ts'
