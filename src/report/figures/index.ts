export { accuracyFigure } from './bars.ts'
export { dataTable, type TableData } from './figure.ts'
export {
  capitalise,
  duration,
  meanAndError,
  methodName,
  methodTitle,
  shortNames,
} from './format.ts'
export { heatmapFigure } from './heatmap.ts'
export { layerFigure, pixelFigure } from './importance.ts'
export { lineFigure } from './line.ts'
export { escapeText, html, type Markup } from './markup.ts'
export { type PathPlot, pathFigure, pathSvg } from './path-figure.ts'
export { bitsMeasure } from './path-measures.ts'
export { rowNames } from './series.ts'
export { styleSheet } from './theme.ts'
export { type TradeoffLine, type TradeoffPlot, tradeoffFigure } from './tradeoff-figure.ts'
export { textTradeoff } from './tradeoff-measures.ts'
export { visible } from './visible.ts'
