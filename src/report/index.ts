export { capitalise, duration, methodName, methodTitle, points } from './format.ts'
export { type Headline, headline } from './headline.ts'
export { reportJson, reportMarkdown } from './markdown.ts'
export { type ReportOptions, reportHtml } from './page.ts'
export {
  liveTable,
  moveUp,
  type Progress,
  progressLine,
  type TableRow,
  type TerminalStyle,
} from './terminal.ts'
