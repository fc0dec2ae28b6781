export { type FineTuned, type FineTuneOptions, fineTune } from './fine-tune.ts'
export {
  type Adapters,
  type Protection,
  protections,
  TIMED_STEPS,
  type Trained,
  type TrialData,
  type TrialOptions,
  timeTrial,
  train,
  warmUpSteps,
} from './trial.ts'
export {
  type ChosenMethod,
  chooseMethod,
  parseUpdateMethod,
  type UpdateMethod,
  updateMethodName,
} from './update-method.ts'
