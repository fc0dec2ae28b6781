export { type LoadedTextUpdate, loadTextUpdate, SELF, type TextUpdateSources } from './load-texts-files.ts'
