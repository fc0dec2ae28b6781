export * from './col2im.ts'
export * from './conv.ts'
export { byTransposedConvolution } from './conv-input-gradient.ts'
export * from './conv-transpose.ts'
export { sliceAxes } from './unfold.ts'
export {
  outputSizes,
  paddingReached,
  padsOf,
  slidingOf,
  type WindowAxis,
  type WindowContext,
  windowAxes,
} from './windows.ts'
