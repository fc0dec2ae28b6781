export { type LoadedTextUpdate, loadTextUpdate, type TextUpdateSources } from './load-texts-files.ts'
