export { curveCsv, textCurveCsv } from './curve-csv.ts'
export { curvePage, curveSvg, curveText } from './curve-text.ts'
export { textCurvePage, textCurveSvg, textCurveText } from './curve-texts.ts'
export { gateJunit } from './gate-junit.ts'
export {
  gateLanguageJunit,
  gateLanguageMarkdown,
  gateLanguagePage,
  gateLanguageText,
} from './gate-language.ts'
export { gateMarkdown } from './gate-markdown.ts'
export { gateText } from './gate-text.ts'
export { type Headline, headline } from './headline.ts'
export { reportMarkdown } from './markdown.ts'
export { type ReportOptions, reportHtml } from './page.ts'
export { studentPage, studentText } from './student.ts'
export {
  languagePreflightText,
  languageUpdateMarkdown,
  languageUpdatePage,
  languageUpdateText,
} from './update-language.ts'
export { updateMarkdown } from './update-markdown.ts'
export { updatePage } from './update-page.ts'
export { preflightText, updateText } from './update-text.ts'
