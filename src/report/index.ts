export { type Headline, headline } from './headline.ts'
export { reportJson, reportMarkdown } from './markdown.ts'
export { type ReportOptions, reportHtml } from './page.ts'
