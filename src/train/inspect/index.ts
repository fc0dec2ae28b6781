export { type GradLoss, type GradOptions, type GradResult, gradLosses, lossAndGradients } from './grad.ts'
export {
  type InspectedParameter,
  type InspectedValue,
  type Inspection,
  type InspectOptions,
  inspectDefaults,
  inspectModel,
} from './inspect.ts'
export { countStep } from './inspect-step.ts'
